//! Names of service parameter keys (RFC 9460, section 14.3.2).
//!
//! In: words. Out: numbers, and words again. Never here: values.

use std::fmt;

/// A service parameter key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(pub(super) u16);

impl Key {
    pub(super) const MANDATORY: Self = Self(0);
    pub(super) const ALPN: Self = Self(1);
    pub(super) const NO_DEFAULT_ALPN: Self = Self(2);
    pub(super) const PORT: Self = Self(3);
    pub(super) const IPV4HINT: Self = Self(4);
    pub(super) const ECH: Self = Self(5);
    pub(super) const IPV6HINT: Self = Self(6);
    pub(super) const DOHPATH: Self = Self(7);
    pub(super) const OHTTP: Self = Self(8);
    /// Reserved as invalid (RFC 9460, section 14.3.2).
    pub(super) const INVALID: Self = Self(65_535);

    /// Every key with a name, and a sample of its value.
    pub(super) const KNOWN: &'static [(Self, &'static str, &'static str)] = &[
        (Self::MANDATORY, "mandatory", "alpn,port"),
        (Self::ALPN, "alpn", "h2,h3"),
        (Self::NO_DEFAULT_ALPN, "no-default-alpn", ""),
        (Self::PORT, "port", "8443"),
        (Self::IPV4HINT, "ipv4hint", "192.0.2.1,192.0.2.2"),
        (Self::ECH, "ech", "AEj+DQBE"),
        (Self::IPV6HINT, "ipv6hint", "2001:db8::1,2001:db8::2"),
        (Self::DOHPATH, "dohpath", "/dns-query{?dns}"),
        (Self::OHTTP, "ohttp", ""),
    ];

    /// Reads a name, or `keyNNNNN` without leading zeros; the flag is set for a value in generic form.
    pub(super) fn parse(text: &str) -> Option<(Self, IsGeneric)> {
        if let Some((key, _, _)) = Self::KNOWN.iter().find(|(_, name, _)| *name == text) {
            return Some((*key, IsGeneric::No));
        }
        let digits = text.strip_prefix("key")?;
        let is_canonical = digits == "0" || !digits.starts_with('0');
        let is_decimal = digits.bytes().all(|octet| octet.is_ascii_digit());
        let number = (is_canonical && is_decimal)
            .then(|| digits.parse().ok())
            .flatten()?;
        Some((Self(number), IsGeneric::Yes))
    }

    /// Finds the known name nearest to what was written.
    pub(super) fn nearest(text: &str) -> Option<&'static str> {
        let text = text.to_ascii_lowercase();
        Self::KNOWN
            .iter()
            .map(|(_, name, _)| (strsim::damerau_levenshtein(&text, name), *name))
            .min()
            .filter(|(distance, _)| *distance <= 2)
            .map(|(_, name)| name)
    }

    /// Returns `alpn=h2,h3` or the like, as one would write it.
    pub(super) fn sample(self) -> String {
        match Self::KNOWN.iter().find(|(key, _, _)| *key == self) {
            Some((_, name, "")) => (*name).to_owned(),
            Some((_, name, value)) => format!("{name}={value}"),
            None => format!("{self}=\"value\""),
        }
    }
}

/// Form of a value: generic if the key was written as `keyNNNNN`, so that the value is the octets themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IsGeneric {
    Yes,
    No,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::KNOWN.iter().find(|(key, _, _)| key == self) {
            Some((_, name, _)) => f.write_str(name),
            None => write!(f, "key{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_numbers() {
        let cases = [
            ("alpn", Some((Key(1), IsGeneric::No))),
            ("key1", Some((Key(1), IsGeneric::Yes))),
            ("key0", Some((Key(0), IsGeneric::Yes))),
            ("key65535", Some((Key(65_535), IsGeneric::Yes))),
            ("key65536", None),
            ("key01", None),
            ("key", None),
            ("key+1", None),
            ("ALPN", None),
            ("", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(Key::parse(text), wanted, "{text}");
        }
        assert_eq!(Key::nearest("ALPN"), Some("alpn"));
        assert_eq!(Key::nearest("ip4hint"), Some("ipv4hint"));
        assert_eq!(Key::nearest("weight"), None);
    }
}
