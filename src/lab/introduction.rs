//! The lab's texts: introduction and help.
//!
//! In: the lab's ports. Out: text with lines to paste into a shell. Never here: the board.

use std::net::SocketAddr;

use super::ports::LabPorts;
use super::region::{LAB_NETWORKS, LAB_ZONE, Region};

/// Writes first steps: lines to paste into a shell, and a command to type.
pub fn introduction(ports: LabPorts) -> String {
    let (server, resolver) = (dig(ports.name_server()), dig(ports.resolver()));
    format!(
        "Ask from another terminal, the server and then the resolver:\n\
         \x20 {server} www.{LAB_ZONE} A +short\n\
         \x20 {resolver} www.{LAB_ZONE} A +noall +answer\n\
         Then type: kill us-east   (help shows the rest)\n"
    )
}

fn dig(at: SocketAddr) -> String {
    format!("dig @{} -p {}", at.ip(), at.port())
}

/// Writes the help: commands to type, and lines for a shell; it fits below the board on a small terminal.
pub(super) fn help_text(ports: LabPorts) -> String {
    let regions = Region::ALL.map(Region::id).join(", ");
    let http = match ports == LabPorts::DEFAULT {
        true => String::new(),
        false => format!(" --http {}", ports.http),
    };
    let [american, european, asian] = LAB_NETWORKS;
    format!(
        "kill, slow, heal REGION: close its listeners; accept, never answer; be well\n\
         status: show the board. quit: stop the lab (so does Ctrl-C)\n\
         REGION is {regions} or all. Elsewhere: leeward lab kill us-east{http}\n\
         \x20 {} api.{LAB_ZONE} +short +subnet={} # {}\n\
         \x20 {}: {}, {}: {}; over TLS: -p {} +tls\n",
        dig(ports.name_server()),
        european.0,
        european.1,
        american.1,
        american.0,
        asian.1,
        asian.0,
        ports.tls().port(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_a_small_terminal() {
        let text = introduction(LabPorts::DEFAULT) + &help_text(LabPorts::DEFAULT);
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
