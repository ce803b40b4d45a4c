//! Any text is read as a server file without a panic; findings lie in the text; settings that are shown read back to the same.
#![no_main]

use leeward::config::server_file::{read_server_file, show_server};
use leeward::diagnostic::Source;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let source = |text: &str| Source::new("/etc/leeward/leeward.toml", text);
    let (config, found) = read_server_file(&source(text));
    for one in &found {
        assert!(text.get(one.span.0.clone()).is_some(), "{one:?} is outside");
    }
    let Some(config) = config else {
        return;
    };
    let shown = show_server(&config);
    let (again, found) = read_server_file(&source(&shown));
    let again = again.unwrap_or_else(|| panic!("{shown}\n{found:?}"));
    assert_eq!(again, config, "{shown}");
});
