//! Tests of the server's end of the helper process.

use super::*;

fn settings(allow: &[&str], helper: &str) -> CommandSettings {
    CommandSettings {
        allow: allow.iter().map(PathBuf::from).collect(),
        concurrency: 4,
        helper: (helper.into(), Vec::new()),
    }
}

#[test]
fn allows_programs_and_what_lies_in_folders() {
    let settings = settings(
        &["/usr/lib/leeward/checks", "/usr/bin/pg_isready"],
        "/bin/false",
    );
    let cases = [
        ("/usr/lib/leeward/checks/disk", true),
        ("/usr/lib/leeward/checks/more/disk", true),
        ("/usr/bin/pg_isready", true),
        ("/usr/bin/pg_isready2", false),
        ("/usr/lib/leeward/checks-of-others/x", false),
        ("/usr/lib/leeward/checks/../../../bin/sh", false),
        ("usr/bin/pg_isready", false),
        ("/bin/sh", false),
    ];
    for (program, wanted) in cases {
        assert_eq!(settings.allows(program), wanted, "{program}");
    }
}

#[tokio::test]
async fn says_why_a_command_is_not_run() {
    let cases = [
        (settings(&[], "/bin/false"), "commands are off"),
        (settings(&["/opt"], "/bin/false"), "does not name /bin/true"),
        (settings(&["/bin"], "/nowhere"), "start the helper process"),
        // A helper that ends at once, and one that speaks something else.
        (settings(&["/bin"], "/bin/false"), "helper process"),
    ];
    for (settings, wanted) in cases {
        let commands = Commands::new(settings, Clock::start());
        let ended = commands
            .run(
                vec!["/bin/true".to_owned()],
                Vec::new(),
                Duration::from_secs(1),
            )
            .await;
        let why = ended.expect_err("no helper can run it");
        assert!(why.contains(wanted), "{why}");
    }
}

#[tokio::test]
async fn starts_a_dead_helper_again_after_a_pause() {
    let commands = Commands::new(settings(&["/bin"], "/bin/false"), Clock::start());
    let counters = commands.counters();
    while counters.starts() < 3 {
        let time = Duration::from_secs(1);
        let ended = commands.run(vec!["/bin/true".to_owned()], Vec::new(), time);
        assert!(ended.await.is_err());
    }
    assert!(!counters.is_helper_up());
}
