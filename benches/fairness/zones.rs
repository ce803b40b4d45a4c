//! The zones of the scene: good targets in one, what hangs in three others.
//!
//! In: how many of each, ports. Out: zone files. Never here: servers.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

/// Names whose only endpoint can be made to fail.
pub(crate) const VICTIMS: u32 = 20;
/// Members of one pool.
const MEMBERS: u32 = 50;
/// Good targets that are names, of a thousand.
const NAMED: u32 = 50;

/// How many targets of each kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Size {
    pub(crate) good: u32,
    pub(crate) hanging: u32,
    pub(crate) names: u32,
    pub(crate) commands: u32,
}

/// Where endpoints listen, on every loopback address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// Answers.
    pub(crate) good: u16,
    /// Accepts and never answers.
    pub(crate) mute: u16,
    /// Never accepts.
    pub(crate) deaf: u16,
    /// Answers DNS, but not for every name.
    pub(crate) resolver: u16,
}

/// Returns the address of a victim.
pub(crate) fn victim(number: u32) -> Ipv4Addr {
    // The last octet tells it from the address that is answered instead.
    Ipv4Addr::new(127, 9, 0, 10 + number as u8)
}

fn address(net: u8, number: u32) -> String {
    format!("127.{net}.{}.{}", number >> 8 & 255, number & 255)
}

/// Writes every zone that has targets.
pub(crate) fn texts(size: Size, ports: &Ports) -> Vec<(&'static str, String)> {
    let mut texts = vec![("good.toml", good(size.good, ports))];
    if size.hanging + size.names + size.commands > 0 {
        texts.push(("bad.toml", hanging(size.hanging, ports)));
        texts.push(("silent.toml", silent(size.names, ports)));
        texts.push(("commands.toml", commands(size.commands)));
    }
    texts
}

fn zone(apex: &str) -> String {
    format!("zone = \"{apex}.example\"\nttl = \"1s\"\n")
}

/// Writes pools of members, and a name for each.
fn pools(text: &mut String, prefix: &str, check: &str, members: &[String]) -> Vec<String> {
    let pools = members.chunks(MEMBERS as usize).enumerate();
    pools
        .map(|(number, members)| {
            let id = format!("{prefix}{number}");
            let list = members.join(", ");
            let _ = writeln!(
                text,
                "[pools.{id}]\ncheck = \"{check}\"\nmembers = [{list}]"
            );
            format!("{id} = \"{id}\"")
        })
        .collect()
}

fn names(text: &mut String, lines: &[String]) {
    text.push_str("[names]\n\"@\".NS = \"ns.example.net.\"\n");
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn good(count: u32, ports: &Ports) -> String {
    let mut text = zone("good");
    let _ = writeln!(
        text,
        "[checks.good]\ntype = \"http\"\nport = {}\nhost = \"www.good.example\"\ninterval = \"1s\"\ntimeout = \"900ms\"\nfall = 2\nrise = 1",
        ports.good
    );
    let named = count * NAMED / 1_000;
    let plain = count.saturating_sub(named + VICTIMS);
    let members: Vec<String> = (0..plain).map(|at| quoted(&address(1, at + 256))).collect();
    let mut lines = pools(&mut text, "p", "good", &members);
    for number in 0..named {
        let _ = writeln!(
            text,
            "[pools.t{number}]\ncheck = \"good\"\nmembers = [{{ target = \"good{number}.names.test.\" }}]"
        );
        lines.push(format!("t{number} = \"t{number}\""));
    }
    text.push_str("[pools.spare]\nmembers = [\"192.0.2.2\"]\n");
    for number in 0..VICTIMS {
        let address = victim(number);
        let _ = writeln!(
            text,
            "[pools.v{number}]\ncheck = \"good\"\nmembers = [\"{address}\"]"
        );
        lines.push(format!("v{number}.failover = [\"v{number}\", \"spare\"]"));
    }
    names(&mut text, &lines);
    text
}

fn hanging(count: u32, ports: &Ports) -> String {
    let mut text = zone("bad");
    for (check, port) in [("mute", ports.mute), ("deaf", ports.deaf)] {
        let _ = writeln!(
            text,
            "[checks.{check}]\ntype = \"http\"\nport = {port}\ninterval = \"10s\"\ntimeout = \"10s\""
        );
    }
    let members = |net: u8, count: u32| -> Vec<String> {
        (0..count)
            .map(|at| quoted(&address(net, at + 256)))
            .collect()
    };
    let mut lines = pools(&mut text, "m", "mute", &members(2, count / 2));
    lines.extend(pools(
        &mut text,
        "d",
        "deaf",
        &members(3, count - count / 2),
    ));
    names(&mut text, &lines);
    text
}

fn silent(count: u32, ports: &Ports) -> String {
    let mut text = zone("silent");
    let _ = writeln!(
        text,
        "[checks.web]\ntype = \"http\"\nport = {}\nhost = \"www.good.example\"\ninterval = \"10s\"\ntimeout = \"10s\"",
        ports.good
    );
    let mut lines = Vec::new();
    for number in 0..count {
        let _ = writeln!(
            text,
            "[pools.s{number}]\ncheck = \"web\"\nmembers = [{{ target = \"silent{number}.names.test.\" }}]"
        );
        lines.push(format!("s{number} = \"s{number}\""));
    }
    names(&mut text, &lines);
    text
}

fn commands(count: u32) -> String {
    let mut text = zone("commands");
    let mut lines = Vec::new();
    for number in 0..count {
        let address = address(4, number + 256);
        let _ = writeln!(
            text,
            "[checks.c{number}]\ntype = \"exec\"\ncommand = [\"/bin/sleep\", \"57.{number:04}\"]\ninterval = \"60s\"\ntimeout = \"58s\"\n\
             [pools.c{number}]\ncheck = \"c{number}\"\nmembers = [\"{address}\"]"
        );
        lines.push(format!("c{number} = \"c{number}\""));
    }
    names(&mut text, &lines);
    text
}
