//! Forms of single keys: texts with rules of their own, and the address of the control API.
//!
//! In: a text or value. Out: what it means, or what is wrong with it. Never here: other keys.

use std::net::SocketAddr;
use std::path::Path;

use toml::de::DeValue;

use super::forms::{Address, Form};
use super::serving_options::octets;
use super::settings::ServerConfig;
use crate::config::values::{Faults, Value};
use crate::diagnostic::Diagnostic;

/// What a text means, or what is wrong with it and what to write.
type Judged = Result<String, (String, &'static str)>;

/// A name of a host, in small letters and without a dot at the end.
pub(super) fn host_name(text: &str, octets_max: usize) -> Judged {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > octets_max || !name.chars().all(is_part) {
        let help = "write a name without scheme and port, for example \"ns1.example.com\"";
        return Err((
            format!("cannot be `{text}`, which is no name of a host"),
            help,
        ));
    }
    Ok(name)
}

/// A text, or octets as `0x` and pairs of hexadecimal digits.
pub(super) fn identifier(text: &str, octets_max: usize) -> Judged {
    let Some(octets) = octets(text) else {
        let help = "write a text, or `0x` and two digits for each octet";
        return Err((
            "is not an even number of hexadecimal digits".to_owned(),
            help,
        ));
    };
    within(octets.len(), octets_max)?;
    Ok(text.to_owned())
}

/// Any text that is not empty.
pub(super) fn line(text: &str, octets_max: usize) -> Judged {
    within(text.len(), octets_max)?;
    Ok(text.to_owned())
}

fn within(octets: usize, octets_max: usize) -> Result<(), (String, &'static str)> {
    let message = format!("must be 1 to {octets_max} octets long");
    let is_within = (1..=octets_max).contains(&octets);
    is_within
        .then_some(())
        .ok_or((message, "leave the key out to say nothing"))
}

/// Visible ASCII characters and blanks.
pub(super) fn visible(text: &str, octets_max: usize) -> Judged {
    let is_sendable = text.bytes().all(|octet| (0x20..0x7f).contains(&octet));
    if text.is_empty() || text.len() > octets_max || !is_sendable {
        let message = format!("must be 1 to {octets_max} visible ASCII characters");
        return Err((message, "it is sent in one line"));
    }
    Ok(text.to_owned())
}

/// A path of a URL, without query and fragment.
pub(super) fn url_path(text: &str, octets_max: usize) -> Judged {
    let is_plain = |octet: u8| octet.is_ascii_graphic() && !b"?#{}\"<>".contains(&octet);
    if !text.starts_with('/') || text.len() > octets_max || !text.bytes().all(is_plain) {
        let message = format!(
            "must begin with `/` and have at most {octets_max} visible ASCII characters, none of ?#{{}}\"<>"
        );
        return Err((message, "write for example \"/dns-query\""));
    }
    Ok(text.to_owned())
}

/// An address with a port, `true` for the usual one, or `false` for none.
pub(super) struct Control;

impl Form<Option<SocketAddr>> for Control {
    fn read(
        &self,
        value: &Value<'_>,
        base: &Path,
        faults: &mut Faults<'_>,
    ) -> Option<Option<SocketAddr>> {
        if let DeValue::Boolean(is_on) = value.raw {
            return Some(is_on.then_some(ServerConfig::HTTP));
        }
        let address = Address { port: None }.read(value, base, faults)?;
        if !address.ip().is_loopback() {
            let message = format!(
                "`{address}` can be reached from elsewhere, and the control API asks for no login"
            );
            faults.push(
                Diagnostic::warning("S013", value.span(), &*value.path, message)
                    .help("listen on loopback, or let a firewall or proxy decide who may come"),
            );
        }
        Some(Some(address))
    }

    fn show(&self, setting: &Option<SocketAddr>, base: &Path) -> Option<String> {
        match setting {
            None => Some("false".to_owned()),
            Some(address) => Address { port: None }.show(address, base),
        }
    }
}
