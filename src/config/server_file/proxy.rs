//! `[proxy]`: who may say, by the PROXY protocol, for whom it asks.
//!
//! In: a table that may be absent. Out: its settings, or findings. Never here: headers.

use ipnet::IpNet;

use crate::diagnostic::Severity;

use super::value::{Findings, Section, items};

/// `[proxy]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// Proxies that are believed, and that must say for whom they ask.
    pub allow: Vec<IpNet>,
}

impl ProxySettings {
    /// Most entries of `allow`: every datagram is compared with all of them.
    pub const ALLOW_MAX: usize = 64;
}

pub(super) fn read_proxy(section: &Section<'_, '_>, findings: &mut Findings) -> ProxySettings {
    let allow = read_prefixes(section, "allow", ProxySettings::ALLOW_MAX, findings);
    let allow = allow.unwrap_or_default();
    if let Some((path, value)) = section.find("allow")
        && let Some(family) = family_as_a_whole(&allow)
    {
        let message = format!(
            "`{path}` covers every {family} address: all clients must send a header, and may claim any address in it"
        );
        findings
            .add(Severity::Warning, "S015", value.span(), &path, message)
            .help = Some("name the addresses of your load balancers alone".to_owned());
    }
    ProxySettings { allow }
}

/// Finds a family all of whose addresses are covered.
fn family_as_a_whole(networks: &Vec<IpNet>) -> Option<&'static str> {
    let together = IpNet::aggregate(networks);
    let whole = together.iter().find(|network| network.prefix_len() == 0);
    whole.map(|network| match network {
        IpNet::V4(_) => "IPv4",
        IpNet::V6(_) => "IPv6",
    })
}

/// Reads a prefix or a list of at most `count_max`; `None` if the key is not written.
pub(super) fn read_prefixes(
    section: &Section<'_, '_>,
    key: &str,
    count_max: usize,
    findings: &mut Findings,
) -> Option<Vec<IpNet>> {
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

#[cfg(test)]
mod tests {
    use super::super::read_server_file;
    use super::*;
    use crate::diagnostic::Source;

    #[test]
    fn warns_of_networks_that_cover_a_family() {
        let cases = [
            ("'10.0.0.0/8'", None),
            ("'0.0.0.0/1'", None),
            ("['0.0.0.0/1', '8000::/1']", None),
            ("'0.0.0.0/0'", Some("every IPv4 address")),
            ("['10.0.0.0/8', '::/0']", Some("every IPv6 address")),
            ("['0.0.0.0/1', '128.0.0.0/1']", Some("every IPv4 address")),
        ];
        for (allow, wanted) in cases {
            let text = format!("[proxy]\nallow = {allow}");
            let (config, findings) = read_server_file(&Source::new("leeward.toml", text));
            assert!(config.is_some(), "{allow}: a warning is no fault");
            let found = findings.iter().find(|finding| finding.code == "S015");
            match (found, wanted) {
                (None, None) => {}
                (Some(found), Some(wanted)) => {
                    assert_eq!(found.severity, Severity::Warning);
                    assert!(found.message.contains(wanted), "{}", found.message);
                }
                _ => panic!("{allow}: {findings:?}"),
            }
        }
    }
}
