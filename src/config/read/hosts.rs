//! Hosts that checks send and verify: the Host header, the name in a TLS handshake, the name of a certificate.
//!
//! In: text. Out: a host that a probe can be made with, or what is wrong with it, at once and not when the probe is to run.
//! Never here: owner names and targets, which may be what no host is (wildcards, any octets).

use std::net::IpAddr;

use super::reader::Reader;
use crate::config::values::Value;
use crate::diagnostic::Diagnostic;
use crate::wire::help_with_ascii;

/// Most octets of a host without a dot at the end (RFC 1035, section 3.1: 255 on the wire).
const HOST_MAX: usize = 253;
/// Most octets of a label (RFC 1035, section 2.3.4).
const LABEL_MAX: usize = 63;

/// What is wrong with a host: what it is instead, and what to write.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HostFault {
    pub(super) label: String,
    pub(super) help: String,
}

/// Reads a host as it is sent: no scheme, path or port (rule a7). A dot at its end is left out: neither a certificate nor a
/// handshake has it.
pub(super) fn read_host(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<String> {
    let text = reader.faults.line(value, 1_024)?;
    match validate_host(&text) {
        Ok(()) => Some(text.strip_suffix('.').unwrap_or(&text).to_owned()),
        Err(fault) => {
            reader.faults.push(no_host(value, &text, fault));
            None
        }
    }
}

/// Makes the diagnostic for a host that is none.
pub(super) fn no_host(value: &Value<'_>, text: &str, fault: HostFault) -> Diagnostic {
    let message = format!("`{text}` is no host");
    Diagnostic::fault("L029", value.span(), &value.path, message)
        .label(fault.label)
        .help(fault.help)
}

/// Says what is wrong with a host, if anything is.
///
/// | Text | |
/// |---|---|
/// | an IP address, with brackets or without | a host |
/// | letters, digits, `-`, `_` in labels of 1 to 63 octets, 253 together, no `-` at either end of a label | a host |
/// | a URL, a port, a blank, a wildcard, letters outside ASCII | none, and the help says what to write |
/// | a last label that is a number | none: it would be taken for an address (RFC 3696, section 2) |
pub(super) fn validate_host(text: &str) -> Result<(), HostFault> {
    let fault = |label: &str, help: &str| {
        Err(HostFault {
            label: label.to_owned(),
            help: help.to_owned(),
        })
    };
    if is_address(text) {
        return Ok(());
    }
    if text.is_empty() {
        return fault("it is empty", "write the name that the server expects");
    }
    if text.contains('/') {
        let help = "write only the host; the path has its own key `path`";
        return fault("this is a URL", help);
    }
    if text.contains(char::is_whitespace) {
        return fault("it holds a space", "write one host name");
    }
    if text.contains(':') {
        return fault("it holds a port", "the port has its own key `port`");
    }
    if let Some(help) = help_with_ascii(text) {
        let label = "it holds letters outside ASCII".to_owned();
        return Err(HostFault { label, help });
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.len() > HOST_MAX {
        let label = format!("{} octets, of 253 at most", name.len());
        return fault(&label, "no name is longer (RFC 1035, section 3.1)");
    }
    let labels: Vec<&str> = name.split('.').collect();
    for label in &labels {
        validate_label(label)?;
    }
    let last = labels.last().copied().unwrap_or_default();
    if is_number(last) {
        let help = "write an address such as `192.0.2.1`, or a name";
        return fault("it ends in a number like an address, but is none", help);
    }
    Ok(())
}

fn validate_label(label: &str) -> Result<(), HostFault> {
    let fault = |what: String, help: &str| {
        Err(HostFault {
            label: what,
            help: help.to_owned(),
        })
    };
    if label.is_empty() {
        return fault("a label is empty".to_owned(), "take out the dot too many");
    }
    if label.contains('*') {
        let help = "a wildcard is no host to ask for; write one name that it covers";
        return fault("it is a wildcard".to_owned(), help);
    }
    let is_usual = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    if let Some(strange) = label.chars().find(|c| !c.is_ascii() || !is_usual(*c as u8)) {
        let help = "hosts have letters, digits, `-` and `_`";
        return fault(format!("it holds {strange:?}"), help);
    }
    if label.len() > LABEL_MAX {
        let what = format!("a label of {} octets, of {LABEL_MAX} at most", label.len());
        return fault(what, "no label is longer (RFC 1035, section 2.3.4)");
    }
    if label.starts_with('-') || label.ends_with('-') {
        let help = "no certificate can be for such a name (RFC 1123, section 2.1)";
        return fault("a label begins or ends with `-`".to_owned(), help);
    }
    Ok(())
}

fn is_address(text: &str) -> bool {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    match bare {
        Some(bare) => bare.parse::<std::net::Ipv6Addr>().is_ok(),
        None => text.parse::<IpAddr>().is_ok(),
    }
}

/// Tells whether a label would be read as a number: digits, or hexadecimal ones after `0x`.
fn is_number(label: &str) -> bool {
    let hex = label
        .strip_prefix("0x")
        .or_else(|| label.strip_prefix("0X"));
    match hex {
        Some(hex) => hex.bytes().all(|octet| octet.is_ascii_hexdigit()),
        None => label.bytes().all(|octet| octet.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rustls::pki_types::ServerName;

    #[test]
    fn tells_hosts_from_what_no_probe_can_be_made_with() {
        // F48: these counted as healthy for ever.
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = format!("{}example", "abcdefg.".repeat(31));
        let cases = [
            ("www.example.com", "", ""),
            ("www.example.com.", "", ""),
            ("WWW_1.example", "", ""),
            ("localhost", "", ""),
            ("xn--bcher-kva.example", "", ""),
            ("192.0.2.1", "", ""),
            ("2001:db8::1", "", ""),
            ("[2001:db8::1]", "", ""),
            ("1and1.example", "", ""),
            ("", "it is empty", "write the name"),
            ("https://www.example.com", "this is a URL", "only the host"),
            ("www.example.com/x", "this is a URL", "only the host"),
            ("www example.com", "it holds a space", "one host"),
            ("www.example.com:443", "it holds a port", "`port`"),
            (
                "*.example.com",
                "it is a wildcard",
                "one name that it covers",
            ),
            ("*", "it is a wildcard", "one name that it covers"),
            (
                "bücher.example.com",
                "it holds letters outside ASCII",
                "`xn--bcher-kva.example.com`",
            ),
            ("www..example.com", "a label is empty", "dot too many"),
            (".example.com", "a label is empty", "dot too many"),
            (".", "a label is empty", "dot too many"),
            (
                "-www.example.com",
                "a label begins or ends with `-`",
                "no certificate",
            ),
            (
                "www-.example.com",
                "a label begins or ends with `-`",
                "no certificate",
            ),
            (&long_label, "a label of 64 octets", "RFC 1035"),
            (&long_name, "255 octets", "RFC 1035"),
            ("www@example.com", "it holds '@'", "letters, digits"),
            ("192.0.2.256", "it ends in a number", "an address"),
            ("1.2", "it ends in a number", "an address"),
            ("[192.0.2.1]", "it holds '['", "letters, digits"),
        ];
        for (text, label, help) in cases {
            match validate_host(text) {
                Ok(()) => assert_eq!(label, "", "{text}"),
                Err(fault) => {
                    assert!(
                        !label.is_empty() && fault.label.starts_with(label),
                        "{text}: {fault:?}"
                    );
                    assert!(fault.help.contains(help), "{text}: {fault:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_is_a_host_can_be_verified(text in "[a-z0-9xX._*-]{1,12}|[a-z0-9._-]{60,70}") {
            if validate_host(&text).is_ok() {
                let bare = text.trim_matches(['[', ']']).to_owned();
                prop_assert!(ServerName::try_from(bare).is_ok(), "{text}");
            }
        }
    }
}
