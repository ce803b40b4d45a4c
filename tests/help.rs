//! What `--help`, `--version` and wrong words print, compared with stored text.
//!
//! `UPDATE_GOLDEN=1 cargo test --test behaviour help::` rewrites the stored text; read the difference before you commit it.

use std::path::PathBuf;
use std::process::{Command, Output};

const VERBS: [&str; 17] = [
    "serve",
    "validate",
    "show",
    "convert",
    "explain",
    "simulate",
    "diff",
    "probe",
    "status",
    "reload",
    "release",
    "switch",
    "heartbeat",
    "geo",
    "lab",
    "completions",
    "healthcheck",
];

fn leeward(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_leeward"))
        .args(words)
        .env("COLUMNS", "100")
        .output()
        .expect("the binary was built with the test")
}

fn compare(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/help")
        .join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).expect("the golden folder is there");
        return;
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        text,
        stored,
        "{}: UPDATE_GOLDEN=1 rewrites it",
        path.display()
    );
}

#[test]
fn help_says_what_it_said() {
    let mut pages = vec![("leeward".to_owned(), leeward(&["--help"]))];
    for verb in VERBS {
        pages.push((format!("leeward-{verb}"), leeward(&[verb, "--help"])));
    }
    for (name, page) in pages {
        assert_eq!(page.status.code(), Some(0), "{name}");
        compare(&name, &String::from_utf8_lossy(&page.stdout));
    }
}

#[test]
fn every_verb_has_a_page_with_examples() {
    let top = String::from_utf8_lossy(&leeward(&["--help"]).stdout).into_owned();
    for verb in VERBS {
        assert!(
            top.contains(&format!("\n  {verb} ")),
            "{verb} is not listed"
        );
        let page = String::from_utf8_lossy(&leeward(&[verb, "--help"]).stdout).into_owned();
        assert!(page.contains("Examples:"), "{verb} shows no example");
    }
}

#[test]
fn a_wrong_word_ends_with_2_and_offers_the_nearest() {
    let cases: [(&[&str], &str); 7] = [
        (&["sreve"], "serve"),
        (&["validate", "zones", "--format", "jsn"], "json"),
        (&["explain", "www.lab.example", "QUUX"], "not a record type"),
        (
            &[
                "explain",
                "www.lab.example",
                "A",
                "--subnet",
                "198.51.100.7/24",
            ],
            "198.51.100.0/24",
        ),
        (
            &[
                "explain",
                "www.lab.example",
                "A",
                "--zones",
                "zones",
                "--server",
                "127.0.0.1:1",
            ],
            "cannot be used with",
        ),
        (&["lab", "kill", "us-eest"], "us-east"),
        (&["lab", "kill"], "REGION"),
    ];
    for (words, part) in cases {
        let output = leeward(words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.contains(part), "{words:?}: {said}");
    }
}

#[test]
fn version_and_completions_come_from_the_binary() {
    let version = leeward(&["--version"]);
    let said = String::from_utf8_lossy(&version.stdout);
    assert_eq!(said.trim(), concat!("leeward ", env!("CARGO_PKG_VERSION")));
    for shell in ["bash", "zsh", "fish"] {
        let script = leeward(&["completions", shell]);
        let text = String::from_utf8_lossy(&script.stdout);
        assert_eq!(script.status.code(), Some(0), "{shell}");
        assert!(text.contains("slow"), "{shell} does not know the lab");
    }
}
