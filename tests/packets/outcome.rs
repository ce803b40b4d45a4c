//! What a server does with a message, read by the crate `domain`.
//!
//! In: a reply, or none. Out: response code, flags, whether OPT is there. How much of a bad question comes back is
//! everybody's own choice. Never here: what is right.

use domain::base::Message;
use domain::base::iana::OptRcode;

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Response code, `silence` or `closed`.
    pub(crate) code: String,
    /// Flags that are set, opcode, whether there is an OPT record.
    pub(crate) shape: String,
}

impl Outcome {
    /// Nothing came back.
    pub(crate) fn silence() -> Self {
        Self::without_reply("silence")
    }

    /// The connection ended.
    pub(crate) fn closed() -> Self {
        Self::without_reply("closed")
    }

    fn without_reply(code: &str) -> Self {
        Self {
            code: code.to_owned(),
            shape: String::new(),
        }
    }

    /// Reads a reply; no octets are silence.
    pub(crate) fn read(octets: &[u8]) -> Self {
        if octets.is_empty() {
            return Self::silence();
        }
        let Ok(message) = Message::from_octets(octets) else {
            return Self::without_reply("shorter than a header");
        };
        let header = message.header();
        let sections = [message.answer(), message.authority(), message.additional()];
        for section in sections {
            let is_sound = section.is_ok_and(|mut section| section.all(|record| record.is_ok()));
            if !is_sound {
                return Self::without_reply("unreadable");
            }
        }
        let opt = message.opt();
        let code = opt.as_ref().map_or_else(
            || OptRcode::from_rcode(header.rcode()),
            |opt| opt.rcode(header),
        );
        let mut shape = String::new();
        for (is_set, name) in [
            (header.qr(), "qr "),
            (header.aa(), "aa "),
            (header.tc(), "tc "),
            (header.rd(), "rd "),
            (header.ra(), "ra "),
            (header.z(), "z "),
            (header.ad(), "ad "),
            (header.cd(), "cd "),
        ] {
            shape.push_str(if is_set { name } else { "" });
        }
        shape.push_str(&format!("opcode {} ", header.opcode().to_int()));
        shape.push_str(if opt.is_some() { "opt" } else { "no opt" });
        Self {
            code: code.to_string(),
            shape,
        }
    }
}
