//! The zone, the questions about it, and the certificate.
//!
//! In: how many names. Out: files in a folder that goes with the run; questions as octets; counts of what came back.

use std::cell::Cell;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// Name of the zone.
pub(crate) const APEX: &str = "example.test";

/// Questions before they begin anew.
const QUESTIONS: usize = 1 << 16;

/// What the certificate's key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// ECDSA with P-256.
    Ecdsa,
    /// RSA of 2,048 bits.
    Rsa,
}

/// Files that every server is given.
pub(crate) struct Scene {
    folder: TempDir,
}

impl Scene {
    pub(crate) fn set(names: u32, key: KeyKind) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let zones = folder.path().join("zones");
        std::fs::create_dir(&zones).expect("a folder");
        let scene = Self { folder };
        std::fs::write(scene.zone(), zone(names)).expect("a zone file");
        scene.make_certificate(key);
        scene
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn zone(&self) -> PathBuf {
        self.path("zones").join(format!("{APEX}.zone"))
    }

    fn make_certificate(&self, key: KeyKind) {
        let kind: &[&str] = match key {
            KeyKind::Ecdsa => &["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
            KeyKind::Rsa => &["rsa:2048"],
        };
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-nodes",
                "-days",
                "30",
                "-subj",
                "/CN=localhost",
                "-newkey",
            ])
            .args(kind)
            .args(["-addext", "subjectAltName=DNS:localhost"])
            .arg("-keyout")
            .arg(self.path("key.pem"))
            .arg("-out")
            .arg(self.path("chain.pem"))
            .output()
            .expect("openssl");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    }
}

/// Keeps this process and what it starts to one core, if there is more than one.
pub(crate) fn keep_to_core(core: usize) {
    let id = std::process::id().to_string();
    let _ = Command::new("taskset")
        .args(["-pc", &core.to_string(), &id])
        .output();
}

fn zone(names: u32) -> String {
    let mut text = format!("$ORIGIN {APEX}.\n$TTL 300\n");
    text.push_str("@ IN SOA ns1 hostmaster 1 7200 900 1209600 300\n@ IN NS ns1\n@ IN NS ns2\n");
    text.push_str("ns1 IN A 192.0.2.1\nns2 IN A 192.0.2.2\n*.wild IN A 198.51.100.1\n");
    for n in 0..names {
        let [_, a, b, c] = n.to_be_bytes();
        writeln!(text, "h{n:07} IN A 10.{a}.{b}.{c}").expect("memory");
        writeln!(
            text,
            "h{n:07} IN AAAA 2001:db8::{:x}:{:x}",
            n >> 16,
            n & 0xffff
        )
        .expect("memory");
    }
    text
}

/// Questions in turn, and what became of them.
pub(crate) struct Questions {
    messages: Vec<Vec<u8>>,
    next: Cell<usize>,
    answered: Cell<u64>,
    failed: Cell<u64>,
}

impl Questions {
    /// Makes 60 % A, 20 % AAAA, 10 % names that do not exist, 5 % of a wildcard, 5 % without data, in random order.
    pub(crate) fn new(names: u32) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut draw = |below: u32| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (((state >> 32) * u64::from(below)) >> 32) as u32
        };
        let messages = (0..QUESTIONS)
            .map(|_| match draw(20) {
                0..12 => message(&format!("h{:07}", draw(names)), 1),
                12..16 => message(&format!("h{:07}", draw(names)), 28),
                16..18 => message(&format!("x{:07}", draw(10_000_000)), 1),
                18 => message(&format!("w{:07}.wild", draw(10_000_000)), 1),
                _ => message(&format!("h{:07}", draw(names)), 15),
            })
            .collect();
        Self {
            messages,
            next: Cell::new(0),
            answered: Cell::new(0),
            failed: Cell::new(0),
        }
    }

    /// Returns the next question; its id is 0.
    pub(crate) fn next(&self) -> &[u8] {
        let at = self.next.get();
        self.next.set((at + 1) % QUESTIONS);
        &self.messages[at]
    }

    /// Appends the next question behind its length.
    pub(crate) fn write_framed(&self, out: &mut Vec<u8>) {
        let message = self.next();
        let length = u16::try_from(message.len()).expect("a message");
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(message);
    }

    /// Counts an answer; one that is none, or reports a fault of the server, is a failure.
    pub(crate) fn count(&self, answer: &[u8]) {
        let is_fine = answer.len() > 12 && answer[2] & 0x80 != 0 && matches!(answer[3] & 15, 0 | 3);
        let counter = if is_fine {
            &self.answered
        } else {
            &self.failed
        };
        counter.set(counter.get() + 1);
    }

    /// Counts a question whose answer never came.
    pub(crate) fn fail(&self) {
        self.failed.set(self.failed.get() + 1);
    }

    pub(crate) fn answered(&self) -> u64 {
        self.answered.get()
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failed.get()
    }
}

fn message(prefix: &str, rtype: u8) -> Vec<u8> {
    let mut message = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in prefix.split('.').chain(APEX.split('.')) {
        message.push(u8::try_from(label.len()).expect("a label"));
        message.extend_from_slice(label.as_bytes());
    }
    message.extend([0, 0, rtype, 0, 1]);
    message
}
