//! The tables of the server file that say how the server behaves beside its data, one function each.
//!
//! In: a table that may be absent. Out: its settings, defaults filled in. Never here: files or secrets.

use std::path::Path;

use super::proxy::read_prefixes;
use super::read::read_count;
use super::serving_options::{
    CookieSettings, IdentitySettings, RateLimitSettings, UdpSettings, octets,
};
use super::value::{Findings, Section};

pub(super) fn read_udp(section: &Section<'_, '_>, findings: &mut Findings) -> UdpSettings {
    let mut count = |key, (low, high): (usize, usize), default| {
        read_count(section, key, low..=high, findings).unwrap_or(default)
    };
    UdpSettings {
        payload_size: count(
            "payload-size",
            UdpSettings::PAYLOAD_SIZE_BOUNDS,
            UdpSettings::PAYLOAD_SIZE,
        ),
        amplification_max: count(
            "amplification-max",
            UdpSettings::AMPLIFICATION_BOUNDS,
            UdpSettings::AMPLIFICATION_MAX,
        ),
    }
}

pub(super) fn read_switch(
    section: &Section<'_, '_>,
    key: &str,
    default: bool,
    findings: &mut Findings,
) -> bool {
    let found = section.find(key);
    found
        .and_then(|(path, value)| findings.boolean(&path, value))
        .unwrap_or(default)
}

pub(super) fn read_cookies(
    section: &Section<'_, '_>,
    base: &Path,
    findings: &mut Findings,
) -> CookieSettings {
    let default = CookieSettings::default();
    let secret_file = section.find("secret-file").and_then(|(path, value)| {
        let file = findings.text(&path, value, "a file")?;
        if file.is_empty() {
            let message = format!("`{path}` must be a file, not an empty text");
            findings.fault("S004", value.span(), &path, message);
        }
        Some(base.join(file))
    });
    CookieSettings {
        is_enabled: read_switch(section, "enabled", default.is_enabled, findings),
        is_required: read_switch(section, "require", default.is_required, findings),
        secret_file,
    }
}

pub(super) fn read_identity(
    section: &Section<'_, '_>,
    findings: &mut Findings,
) -> IdentitySettings {
    let mut text = |key, octets_max: usize| {
        let (path, value) = section.find(key)?;
        let text = findings.text(&path, value, "a text")?;
        let Some(octets) = (if key == "nsid" {
            octets(text)
        } else {
            Some(text.as_bytes().to_vec())
        }) else {
            let message = format!("`{path}` is not an even number of hexadecimal digits");
            findings.fault("S004", value.span(), &path, message).help =
                Some("write a text, or `0x` and two digits for each octet".to_owned());
            return None;
        };
        if octets.is_empty() || octets.len() > octets_max {
            let message = format!("`{path}` must be 1 to {octets_max} octets long");
            findings.fault("S004", value.span(), &path, message).help =
                Some("leave the key out to say nothing".to_owned());
        }
        Some(text.to_owned())
    };
    IdentitySettings {
        nsid: text("nsid", IdentitySettings::NSID_MAX),
        hostname: text("hostname", IdentitySettings::TEXT_MAX),
        version: text("version", IdentitySettings::TEXT_MAX),
    }
}

pub(super) fn read_rate_limit(
    section: &Section<'_, '_>,
    findings: &mut Findings,
) -> RateLimitSettings {
    let mut limit = RateLimitSettings {
        is_enabled: read_switch(section, "enabled", true, findings),
        ..RateLimitSettings::default()
    };
    let (low, high) = RateLimitSettings::ANSWERS_PER_SECOND_BOUNDS;
    if let Some(rate) = read_count(section, "answers-per-second", low..=high, findings) {
        limit.answers_per_second = rate;
    }
    limit.answers_per_second_total =
        read_count(section, "answers-per-second-total", low..=high, findings);
    let (low, high) = RateLimitSettings::SLIP_BOUNDS;
    if let Some(slip) = read_count(section, "slip", low..=high, findings) {
        limit.slip = slip;
    }
    if let Some(allow) = read_prefixes(section, "allow", RateLimitSettings::ALLOW_MAX, findings) {
        limit.allow = allow;
    }
    limit
}
