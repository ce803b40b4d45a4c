//! What code may not do where: panics, clocks, printing, sleeping, `unsafe` (house style, sections 6, 8, 9 and 10).
//!
//! In: sources. Out: findings.

use crate::source::{Finding, Source, has_word};

/// Reads of a clock, monotonic or civil.
const CLOCK_READS: [&str; 6] = [
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "UNIX_EPOCH.elapsed",
    "clock_gettime",
];

/// Ways to print.
const PRINTING: [&str; 7] = [
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
    "io::stdout",
    "io::stderr",
    "dbg!",
];

/// Finds `unwrap` where outside input may reach it.
pub(crate) fn unwraps(sources: &[Source]) -> Vec<Finding> {
    find(sources, |source, code| {
        let is_found = code.contains(".unwrap()") || code.contains(".unwrap_err()");
        (is_found && source.path.starts_with("src/"))
            .then(|| "`unwrap` outside tests; write `expect(\"why it holds\")`".to_owned())
    })
}

/// Finds `unsafe` anywhere but in one file of `server`.
pub(crate) fn unsafe_code(sources: &[Source]) -> Vec<Finding> {
    let found = find(sources, |_, code| {
        let is_lint = code.contains("unsafe_code");
        (!is_lint && has_word(code, "unsafe")).then(|| "`unsafe`".to_owned())
    });
    let file = |finding: &Finding| {
        let (path, _) = finding.place.rsplit_once(':').expect("path and line");
        path.to_owned()
    };
    let allowed = found
        .iter()
        .map(file)
        .find(|path| path.starts_with("src/server/"));
    found
        .into_iter()
        .filter(|finding| Some(file(finding)) != allowed)
        .map(|finding| Finding {
            message: "`unsafe` outside the one file of `server` that may hold it".to_owned(),
            ..finding
        })
        .collect()
}

/// Finds clock reads outside `clock`.
pub(crate) fn clock_reads(sources: &[Source]) -> Vec<Finding> {
    find(sources, |source, code| {
        let read = CLOCK_READS.iter().find(|read| code.contains(**read))?;
        (source.module() != Some("clock"))
            .then(|| format!("`{read}` outside `clock`; take a `Moment` or a `WallTime`"))
    })
}

/// The file that hands log lines to standard error; everything else logs through `tracing`.
const LOG_WRITER: &str = "src/admin/logs.rs";

/// Finds printing outside `cli`.
pub(crate) fn printing(sources: &[Source]) -> Vec<Finding> {
    find(sources, |source, code| {
        let way = PRINTING
            .iter()
            .find(|way| has_word(code, way.trim_end_matches('!')) && code.contains(**way))?;
        let is_logging = *way == "io::stderr" && source.path == LOG_WRITER;
        (source.module() != Some("cli") && source.path.starts_with("src/") && !is_logging)
            .then(|| format!("`{way}` outside `cli`; return text or log"))
    })
}

/// Finds exceptions without a reason and tests that never run.
pub(crate) fn exceptions(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for (line, text) in source.numbered() {
            if text.code.contains("#[allow(") || text.code.contains("#![allow(") {
                findings.push(source.finding(line, "`allow`; write `expect` with a reason"));
            }
            if text.code.contains("#[ignore") {
                findings.push(source.finding(line, "a test that never runs"));
            }
            if text.code.contains("unbounded_channel") {
                findings.push(source.finding(line, "a queue without a bound"));
            }
        }
    }
    findings
}

/// Finds tests that sleep in real time.
pub(crate) fn sleeps(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    // A measurement paces its load by the clock; it asserts nothing about time.
    for source in sources
        .iter()
        .filter(|source| !source.path.starts_with("benches/"))
    {
        let is_virtual = source
            .lines
            .iter()
            .any(|line| line.code.contains("start_paused") || line.code.contains("time::pause()"));
        for (line, text) in source.numbered().filter(|(_, line)| line.is_test) {
            let is_real = text.code.contains("thread::sleep");
            let is_async = text.code.contains("time::sleep") && !is_virtual;
            if is_real || is_async {
                findings
                    .push(source.finding(line, "a test sleeps; wait for the event, or pause time"));
            }
        }
    }
    findings
}

/// Collects what `judge` says about each line that is not only for tests.
fn find(sources: &[Source], judge: impl Fn(&Source, &str) -> Option<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for (line, text) in source.product() {
            if let Some(message) = judge(source, &text.code) {
                findings.push(source.finding(line, message));
            }
        }
    }
    findings
}

#[test]
fn the_rules_of_conduct_can_fail() {
    let one = |path: &str, text: &str| [Source::new(path, text)];
    let text = "fn f() { x.unwrap(); }\n// x.unwrap()\n#[cfg(test)]\nmod tests { fn g() { x.unwrap(); } }\n";
    assert_eq!(unwraps(&one("src/zone/a.rs", text)).len(), 1);

    let text = "fn f() { unsafe { g() } }\n";
    let two = [
        Source::new("src/server/a.rs", text),
        Source::new("src/server/b.rs", text),
    ];
    assert_eq!(unsafe_code(&two).len(), 1);
    assert_eq!(unsafe_code(&two[..1]).len(), 0);
    assert_eq!(unsafe_code(&one("src/zone/a.rs", text)).len(), 1);

    let text = "fn f() { let t = Instant::now(); }\n";
    assert_eq!(clock_reads(&one("src/zone/a.rs", text)).len(), 1);
    assert_eq!(clock_reads(&one("src/clock/a.rs", text)).len(), 0);

    let text = "fn f() { eprintln!(); }\nfn g() { dbg!(1); }\nfn h() { pprint!(); }\n";
    assert_eq!(printing(&one("src/zone/a.rs", text)).len(), 2);
    assert_eq!(printing(&one("src/cli/a.rs", text)).len(), 0);
    let text = "fn f() { with(std::io::stderr); println!(); }\n";
    assert_eq!(printing(&one(LOG_WRITER, text)).len(), 1);
    assert_eq!(printing(&one("src/admin/api.rs", text)).len(), 1);

    let text = "#[allow(dead_code)]\n#[ignore]\nfn f() { mpsc::unbounded_channel(); }\n";
    assert_eq!(exceptions(&one("src/zone/a.rs", text)).len(), 3);

    let text = "fn f() { std::thread::sleep(x); tokio::time::sleep(x).await; }\n";
    assert_eq!(sleeps(&one("tests/a.rs", text)).len(), 1);
    assert_eq!(sleeps(&one("src/probe/a.rs", text)).len(), 0);
    let paused = format!(
        "#[tokio::test(start_paused = true)]\n{}",
        text.replace("std::thread::sleep(x);", "")
    );
    assert_eq!(sleeps(&one("tests/a.rs", &paused)).len(), 0);
}
