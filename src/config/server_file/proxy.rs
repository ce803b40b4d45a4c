//! `[proxy]`: who may say, by the PROXY protocol, for whom it asks.
//!
//! In: a table that may be absent. Out: its settings, or findings. Never here: headers.

use std::net::IpAddr;

use super::value::{Findings, Section, items};

/// `[proxy]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// Proxies that are believed, and that must say for whom they ask: network address and length.
    pub allow: Vec<(IpAddr, u8)>,
}

impl ProxySettings {
    /// Most entries of `allow`: every datagram is compared with all of them.
    pub const ALLOW_MAX: usize = 64;
}

pub(super) fn read_proxy(section: &Section<'_, '_>, findings: &mut Findings) -> ProxySettings {
    ProxySettings {
        allow: read_prefixes(section, "allow", ProxySettings::ALLOW_MAX, findings)
            .unwrap_or_default(),
    }
}

/// Reads a prefix or a list of at most `count_max`; `None` if the key is not written.
pub(super) fn read_prefixes(
    section: &Section<'_, '_>,
    key: &str,
    count_max: usize,
    findings: &mut Findings,
) -> Option<Vec<(IpAddr, u8)>> {
    let (path, value) = section.find(key)?;
    let written = items(value);
    if written.len() > count_max {
        let message = format!("more than {count_max} networks");
        findings.fault("S004", value.span(), &path, message);
    }
    let mut prefixes = Vec::new();
    for item in written {
        let text = findings.text(&path, item, "a prefix or a list of prefixes");
        if let Some(prefix) = text.and_then(|text| findings.prefix(&path, item.span(), text)) {
            prefixes.push(prefix);
        }
    }
    Some(prefixes)
}
