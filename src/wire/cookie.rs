//! Cookies: a client proves that it receives what is sent to its address (RFC 7873), in the form that servers of any
//! make understand (RFC 9018).
//!
//! In: secrets, the cookie of a query, the client's address, the time. Out: what the cookie is worth, and the cookie
//! for the answer. Never here: files, clocks, or what follows from a bad cookie.
//!
//! ```text
//! client cookie (8) | version 1 | reserved (3) | timestamp (4) | SipHash-2-4 of all before and the address (8)
//! ```

use std::fmt;
use std::net::IpAddr;

use siphasher::sip::SipHasher24;

/// Octets of a client cookie (RFC 7873, section 4).
const CLIENT_LEN: usize = 8;
/// Octets of a server cookie (RFC 9018, section 4).
const SERVER_LEN: usize = 16;
/// Octets of both.
pub const COOKIE_LEN: usize = CLIENT_LEN + SERVER_LEN;
/// The version of server cookies that is made and understood (RFC 9018, section 4.1).
const VERSION: u8 = 1;
/// Oldest timestamp that is taken, in seconds (RFC 9018, section 4.3).
const PAST_MAX_SECS: i32 = 3_600;
/// A timestamp this old is renewed, in seconds (RFC 9018, section 4.3).
const RENEW_SECS: i32 = 1_800;
/// Newest timestamp that is taken, in seconds from now: clocks differ (RFC 9018, section 4.3).
const FUTURE_MAX_SECS: i32 = 300;
/// Octets of a secret.
pub const SECRET_LEN: usize = 16;

/// Result of checking the cookie of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CookieStanding {
    /// There is no cookie, or cookies are off.
    #[default]
    Absent,
    /// A client cookie alone: the client asks for ours.
    ClientOnly,
    /// The server cookie is not ours, too old, or another address's.
    Bad,
    /// The client receives what is sent to its address.
    Valid,
}

/// The secrets that cookies are made and checked with; shared by all servers that answer for one address.
#[derive(Clone, PartialEq, Eq)]
pub struct CookieSecrets {
    /// Makes cookies and checks them.
    active: [u8; SECRET_LEN],
    /// Checks them only: the next one or the last one (RFC 9018, section 5).
    other: Option<[u8; SECRET_LEN]>,
}

impl fmt::Debug for CookieSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Secrets stay out of logs.
        f.debug_struct("CookieSecrets").finish_non_exhaustive()
    }
}

impl CookieSecrets {
    /// Makes secrets of the one that makes cookies and maybe one more that checks them.
    pub const fn new(active: [u8; SECRET_LEN], other: Option<[u8; SECRET_LEN]>) -> Self {
        Self { active, other }
    }

    /// Reads a secret file: one or two lines of 32 hexadecimal digits, the first makes cookies; `#` begins a comment.
    ///
    /// # Errors
    /// The line at fault and the reason; never a secret.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut secrets = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let digits = line.split('#').next().unwrap_or_default().trim();
            if digits.is_empty() {
                continue;
            }
            let secret = parse_hex(digits).ok_or_else(|| {
                format!(
                    "line {}: a secret is {} hexadecimal digits",
                    number + 1,
                    SECRET_LEN * 2
                )
            })?;
            secrets.push(secret);
        }
        match secrets[..] {
            [active] => Ok(Self::new(active, None)),
            [active, other] => Ok(Self::new(active, Some(other))),
            [] => Err("there is no secret in it".to_owned()),
            _ => Err("there are more than two secrets in it".to_owned()),
        }
    }

    /// Checks a cookie of 8 or 16 to 40 octets, and returns the one to send back. `now_secs` is Unix time.
    pub fn verify(
        &self,
        cookie: &[u8],
        client: IpAddr,
        now_secs: u32,
    ) -> (CookieStanding, [u8; COOKIE_LEN]) {
        let Some((client_cookie, server_cookie)) = cookie.split_first_chunk::<CLIENT_LEN>() else {
            return (CookieStanding::Absent, [0; COOKIE_LEN]);
        };
        let make = || make_cookie(&self.active, *client_cookie, client, now_secs);
        if server_cookie.is_empty() {
            return (CookieStanding::ClientOnly, make());
        }
        let Ok(whole) = <[u8; COOKIE_LEN]>::try_from(cookie) else {
            return (CookieStanding::Bad, make());
        };
        let age = age_secs(&whole, now_secs);
        if whole[8] != VERSION || !(-FUTURE_MAX_SECS..=PAST_MAX_SECS).contains(&age) {
            return (CookieStanding::Bad, make());
        }
        let is_made_with = |secret| is_equal(hash(secret, &whole, client), &whole);
        if is_made_with(&self.active) {
            let kept = if age < RENEW_SECS { whole } else { make() };
            return (CookieStanding::Valid, kept);
        }
        let is_valid = self.other.as_ref().is_some_and(is_made_with);
        let standing = if is_valid {
            CookieStanding::Valid
        } else {
            CookieStanding::Bad
        };
        (standing, make())
    }
}

/// Reads exactly one secret.
fn parse_hex(digits: &str) -> Option<[u8; SECRET_LEN]> {
    let digits = digits.as_bytes();
    if digits.len() != SECRET_LEN * 2 {
        return None;
    }
    let mut secret = [0; SECRET_LEN];
    for (octet, pair) in secret.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *octet = (digit(0)? * 16 + digit(1)?) as u8;
    }
    Some(secret)
}

/// Returns the age of a cookie in seconds, by serial number arithmetic (RFC 9018, section 4.3; RFC 1982).
fn age_secs(cookie: &[u8; COOKIE_LEN], now_secs: u32) -> i32 {
    let made = u32::from_be_bytes([cookie[12], cookie[13], cookie[14], cookie[15]]);
    now_secs.wrapping_sub(made) as i32
}

fn make_cookie(
    secret: &[u8; SECRET_LEN],
    client_cookie: [u8; CLIENT_LEN],
    client: IpAddr,
    now_secs: u32,
) -> [u8; COOKIE_LEN] {
    let mut cookie = [0; COOKIE_LEN];
    cookie[..CLIENT_LEN].copy_from_slice(&client_cookie);
    cookie[CLIENT_LEN] = VERSION;
    cookie[12..16].copy_from_slice(&now_secs.to_be_bytes());
    let hash = hash(secret, &cookie, client);
    cookie[16..].copy_from_slice(&hash);
    cookie
}

/// Hashes the first sixteen octets of a cookie with the client's address (RFC 9018, section 4.4).
fn hash(secret: &[u8; SECRET_LEN], cookie: &[u8; COOKIE_LEN], client: IpAddr) -> [u8; 8] {
    let mut input = [0u8; 32];
    input[..16].copy_from_slice(&cookie[..16]);
    let len = match client {
        IpAddr::V4(address) => {
            input[16..20].copy_from_slice(&address.octets());
            20
        }
        IpAddr::V6(address) => {
            input[16..].copy_from_slice(&address.octets());
            32
        }
    };
    SipHasher24::new_with_key(secret)
        .hash(&input[..len])
        .to_le_bytes()
}

/// Compares a hash with a cookie's in time that does not depend on where they differ.
fn is_equal(hash: [u8; 8], cookie: &[u8; COOKIE_LEN]) -> bool {
    let differing = hash
        .iter()
        .zip(&cookie[16..])
        .fold(0, |seen, (a, b)| seen | (a ^ b));
    std::hint::black_box(differing) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(digits: &str) -> Vec<u8> {
        let digit = |octet: u8| char::from(octet).to_digit(16).unwrap() as u8;
        let pairs = digits.as_bytes().chunks(2);
        pairs
            .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
            .collect()
    }

    fn verify(
        secrets: &str,
        cookie: &str,
        client: &str,
        now_secs: u32,
    ) -> (CookieStanding, Vec<u8>) {
        let secrets = CookieSecrets::parse(secrets).unwrap();
        let (standing, cookie) = secrets.verify(&unhex(cookie), client.parse().unwrap(), now_secs);
        (standing, cookie.to_vec())
    }

    const SECRET: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";

    #[test]
    fn agrees_with_the_test_vectors_of_rfc_9018() {
        let rolled = "445536bcd2513298075a5d379663c962\ndd3bdf9344b678b185a6f5cb60fca715";
        let v6 = "2001:db8:220:1:59de:d0f4:8769:82b8";
        let cases = [
            (
                "A.1, a new one",
                SECRET,
                "2464c4abcf10c957",
                "198.51.100.100",
                1_559_731_985,
                CookieStanding::ClientOnly,
                "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
            ),
            (
                "A.2, a renewed one",
                SECRET,
                "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
                "198.51.100.100",
                1_559_734_385,
                CookieStanding::Valid,
                "2464c4abcf10c957010000005cf7a871d4a564a1442aca77",
            ),
            (
                "A.3, reserved octets that are not zero",
                SECRET,
                "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
                "203.0.113.203",
                1_559_728_000,
                CookieStanding::Valid,
                "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
            ),
            (
                "A.3, too old",
                SECRET,
                "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
                "203.0.113.203",
                1_559_734_700,
                CookieStanding::Bad,
                "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e",
            ),
            (
                "A.4, made with the secret before",
                rolled,
                "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
                v6,
                1_559_741_961,
                CookieStanding::Valid,
                "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
            ),
        ];
        for (case, secrets, cookie, client, now, standing, wanted) in cases {
            let verified = verify(secrets, cookie, client, now);
            assert_eq!(verified, (standing, unhex(wanted)), "{case}");
        }
    }

    #[test]
    fn takes_cookies_for_an_hour_and_renews_them_after_half() {
        let (made, client) = (2_000_000_000u32, "192.0.2.1");
        let (_, cookie) = verify(SECRET, "0102030405060708", client, made);
        let cookie: String = cookie.iter().map(|octet| format!("{octet:02x}")).collect();
        let cases = [
            (-301, CookieStanding::Bad, false),
            (-300, CookieStanding::Valid, true),
            (0, CookieStanding::Valid, true),
            (1_799, CookieStanding::Valid, true),
            (1_800, CookieStanding::Valid, false),
            (3_600, CookieStanding::Valid, false),
            (3_601, CookieStanding::Bad, false),
        ];
        for (later, standing, is_kept) in cases {
            let (verified, sent) = verify(SECRET, &cookie, client, made.wrapping_add_signed(later));
            assert_eq!(verified, standing, "{later}");
            assert_eq!(sent == unhex(&cookie), is_kept, "{later}");
        }
        let elsewhere = verify(SECRET, &cookie, "192.0.2.2", made).0;
        assert_eq!(elsewhere, CookieStanding::Bad);
    }

    #[test]
    fn refuses_what_others_made() {
        let now = 1_559_731_985;
        for cookie in [
            // Version 2.
            "2464c4abcf10c957020000005cf79f111f8130c3eee29480",
            // The last bit differs.
            "2464c4abcf10c957010000005cf79f111f8130c3eee29481",
            // 8, 15 and 32 octets: other algorithms.
            "2464c4abcf10c9570100000000000000",
            "2464c4abcf10c957010000005cf79f111f8130c3eee294",
            "2464c4abcf10c957010000005cf79f111f8130c3eee2948000000000000000000000000000000000",
        ] {
            let (standing, sent) = verify(SECRET, cookie, "198.51.100.100", now);
            assert_eq!(standing, CookieStanding::Bad, "{cookie}");
            assert_eq!(
                sent,
                unhex("2464c4abcf10c957010000005cf79f111f8130c3eee29480"),
                "{cookie}"
            );
        }
    }

    #[test]
    fn reads_secret_files() {
        let two = format!("# active\n{SECRET}\n\n  {SECRET}  # next\n");
        assert!(CookieSecrets::parse(&two).unwrap().other.is_some());
        for (text, part) in [
            ("", "no secret"),
            ("# nothing", "no secret"),
            ("e5e973", "line 1"),
            ("\nzze973e5a6b2a43f48e7dc849e37bfcf", "line 2"),
            (&format!("{SECRET}\n{SECRET}\n{SECRET}"), "more than two"),
        ] {
            let fault = CookieSecrets::parse(text).unwrap_err();
            assert!(fault.contains(part), "{text}: {fault}");
        }
        let shown = format!("{:?}", CookieSecrets::parse(SECRET).unwrap());
        assert!(!shown.contains("e5") && !shown.contains("229"), "{shown}");
    }
}
