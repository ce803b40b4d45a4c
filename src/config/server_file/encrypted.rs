//! `[tls]`, `[https]` and `[quic]`: where encrypted transports listen and what certificate they show.
//!
//! In: tables that may be absent. Out: their settings, or findings. Never here: opening certificates.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml::de::DeValue;

use super::read::{read_addresses, read_text};
use super::value::{Findings, Section};

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSetting {
    /// Made at the start, for trials.
    SelfSigned,
    /// PEM files: the chain and its private key.
    Files {
        /// The chain, the server's own certificate first.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
    },
}

impl CertificateSetting {
    /// The word for a certificate made at the start.
    pub const SELF_SIGNED: &'static str = "self-signed";
}

/// `[tls]`: DNS over TLS (RFC 7858), and the certificate of every encrypted transport.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// Addresses of DNS over TLS; usual is port 853.
    pub listen: Vec<SocketAddr>,
    /// The certificate.
    pub certificate: Option<CertificateSetting>,
}

/// `[https]`: DNS over HTTPS (RFC 8484).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpsSettings {
    /// Addresses; usual is port 443.
    pub listen: Vec<SocketAddr>,
    /// Path of the one resource.
    pub path: String,
    /// Whether a proxy before us does TLS, so that requests come in the clear.
    pub is_plain: bool,
}

impl HttpsSettings {
    /// The path that clients expect (RFC 8484, section 4.1.1, uses it throughout).
    pub const PATH: &'static str = "/dns-query";
    /// Longest path in octets. Chosen; no standard value.
    pub const PATH_MAX: usize = 255;
}

impl Default for HttpsSettings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            path: Self::PATH.to_owned(),
            is_plain: false,
        }
    }
}

/// `[quic]`: DNS over QUIC (RFC 9250).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuicSettings {
    /// Addresses; usual is UDP port 853.
    pub listen: Vec<SocketAddr>,
}

pub(super) fn read_tls(
    section: &Section<'_, '_>,
    base: &Path,
    findings: &mut Findings,
) -> TlsSettings {
    TlsSettings {
        listen: read_addresses(section, findings).unwrap_or_default(),
        certificate: read_certificate(section, base, findings),
    }
}

fn read_certificate(
    section: &Section<'_, '_>,
    base: &Path,
    findings: &mut Findings,
) -> Option<CertificateSetting> {
    let certificate = read_text(
        section,
        "certificate",
        "a file or \"self-signed\"",
        findings,
    );
    let key = read_text(section, "key", "a file", findings);
    let span_of = |name| section.find(name).map(|(_, value)| value.span());
    match (certificate, key) {
        (Some(word), None) if word == CertificateSetting::SELF_SIGNED => {
            Some(CertificateSetting::SelfSigned)
        }
        (Some(word), Some(_)) if word == CertificateSetting::SELF_SIGNED => {
            let message = "a self-signed certificate brings its own key".to_owned();
            let span = span_of("key").unwrap_or_default();
            findings.fault("S014", span, "tls.key", message).help =
                Some("leave `key` out".to_owned());
            None
        }
        (Some(certificate), Some(key)) => Some(CertificateSetting::Files {
            certificate: base.join(certificate),
            key: base.join(key),
        }),
        (Some(_), None) if section.find("key").is_none() => {
            let message = "a certificate file needs its private key".to_owned();
            let span = span_of("certificate").unwrap_or_default();
            findings
                .fault("S014", span, "tls.certificate", message)
                .help = Some("add `key = \"...\"`, a PEM file".to_owned());
            None
        }
        (None, Some(_)) if section.find("certificate").is_none() => {
            let message = "a private key needs its certificate".to_owned();
            let span = span_of("key").unwrap_or_default();
            findings.fault("S014", span, "tls.key", message).help =
                Some("add `certificate = \"...\"`, a PEM file".to_owned());
            None
        }
        // Nothing is written, or what is written was found faulty above.
        _ => None,
    }
}

pub(super) fn read_https(section: &Section<'_, '_>, findings: &mut Findings) -> HttpsSettings {
    let mut https = HttpsSettings {
        listen: read_addresses(section, findings).unwrap_or_default(),
        ..HttpsSettings::default()
    };
    if let Some(path) = read_text(section, "path", "a path", findings) {
        let is_path = path.starts_with('/')
            && path.len() <= HttpsSettings::PATH_MAX
            && path
                .bytes()
                .all(|octet| octet.is_ascii_graphic() && !b"?#{}\"<>".contains(&octet));
        if !is_path {
            let (written, value) = section.find("path").expect("it was just read");
            let message = format!(
                "`{written}` must begin with `/` and have at most {} visible ASCII characters, none of ?#{{}}\"<>",
                HttpsSettings::PATH_MAX
            );
            findings.fault("S004", value.span(), &written, message);
        }
        https.path = path;
    }
    https.is_plain = read_plain(section, findings);
    https
}

fn read_plain(section: &Section<'_, '_>, findings: &mut Findings) -> bool {
    let found = section.find("plain");
    found.is_some_and(|(path, value)| findings.boolean(&path, value).unwrap_or(false))
}

pub(super) fn read_quic(section: &Section<'_, '_>, findings: &mut Findings) -> QuicSettings {
    QuicSettings {
        listen: read_addresses(section, findings).unwrap_or_default(),
    }
}

/// Finds transports that listen without a certificate to show.
pub(super) fn require_certificate(
    tls: &Section<'_, '_>,
    sections: &[&Section<'_, '_>],
    findings: &mut Findings,
) {
    if tls.find("certificate").is_some() || tls.find("key").is_some() {
        return;
    }
    for section in sections {
        let Some((path, value)) = section.find("listen") else {
            continue;
        };
        let is_empty = matches!(value.get_ref(), DeValue::Array(items) if items.is_empty());
        if is_empty {
            continue;
        }
        let message = format!("`{path}` needs a certificate");
        findings.fault("S014", value.span(), &path, message).help = Some(
            "add `certificate` and `key` to `[tls]`, or `certificate = \"self-signed\"` for a trial"
                .to_owned(),
        );
    }
}
