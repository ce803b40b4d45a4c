//! A state file of any octets is read, whole or by parts, restored, and what was restored is saved and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;

thread_local! {
    // In memory: each state that is saved goes through to the disk.
    static FOLDER: tempfile::TempDir = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
}

fuzz_target!(|input: &[u8]| {
    FOLDER.with(|folder| {
        // Damaged files are kept beside; each input begins with an empty folder.
        for entry in std::fs::read_dir(folder.path()).expect("a folder").flatten() {
            std::fs::remove_file(entry.path()).expect("a writable folder");
        }
        std::fs::write(folder.path().join("state.json"), input).expect("a writable folder");
        leeward::daemon::fuzz::restore_any_state(folder.path());
    });
});
