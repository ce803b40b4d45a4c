//! Messages as written in `messages.toml`.
//!
//! In: the file. Out: octets, the outcomes that they must have, and the peers that do the same. Never here: sockets.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    packet: Vec<Packet>,
}

/// One message.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Packet {
    pub(crate) name: String,
    hex: String,
    /// Response code, or `silence`.
    pub(crate) wants: String,
    /// The same over TCP, where it differs.
    #[serde(default)]
    tcp: Option<String>,
    /// The same by an engine without cookie secrets, where it differs.
    #[serde(default)]
    engine: Option<String>,
    /// Peers that do the same over UDP.
    #[serde(default)]
    pub(crate) like: Vec<String>,
    /// Why flags or OPT are not those of a peer with the same code.
    #[serde(default)]
    pub(crate) choice: Option<String>,
}

impl Packet {
    /// The message.
    pub(crate) fn octets(&self) -> Vec<u8> {
        let digits: Vec<u32> = self.hex.chars().filter_map(|c| c.to_digit(16)).collect();
        let pair = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).expect("two digits");
        assert!(
            digits.len().is_multiple_of(2),
            "{}: half an octet",
            self.name
        );
        digits.chunks(2).map(pair).collect()
    }

    /// Says whether an outcome of the bare engine is the wanted one.
    pub(crate) fn accepts_of_engine(&self, outcome: &str) -> bool {
        outcome == self.engine.as_ref().unwrap_or(&self.wants)
    }

    /// Says whether an outcome over UDP is the wanted one.
    pub(crate) fn accepts(&self, outcome: &str) -> bool {
        outcome == self.wants
    }

    /// The same over TCP, where silence may also be the end of the connection.
    pub(crate) fn accepts_over_tcp(&self, outcome: &str) -> bool {
        let wanted = self.tcp.as_ref().unwrap_or(&self.wants);
        outcome == wanted || (wanted == "silence" && outcome == "closed")
    }
}

/// Reads the list that ships.
pub(crate) fn packets() -> Vec<Packet> {
    let list: List = toml::from_str(include_str!("messages.toml")).expect("a list of messages");
    list.packet
}
