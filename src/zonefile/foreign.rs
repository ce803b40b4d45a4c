//! Record types, classes and directives of other products: their meaning, and the way to the same thing here.
//!
//! In: the word where a type or directive should stand, and the words after it. Out: a fault in words. Never here:
//! types of the DNS.

use crate::wire::Token;

use super::flaw::{Flaw, shown};

/// Counterpart of a foreign record type here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Addresses of another name, looked up: a pool with a `target`.
    Target,
    /// An answer that is decided: pools, checks and a policy.
    Policy,
    /// An HTTP redirect or a web page.
    Redirect,
    /// Mail that is passed on.
    Mail,
    /// Names made on the fly.
    Synthesis,
    /// Addresses of hosts that Windows looks up by other means.
    Wins,
    /// Text: a TXT record.
    Text,
}

/// Words of other products, in capitals.
const WORDS: &[(&str, &str, Way)] = &[
    (
        "ALIAS",
        "PowerDNS, Route 53 tools, DNSimple and others",
        Way::Target,
    ),
    (
        "ANAME",
        "DNS Made Easy, easyDNS, Constellix and others",
        Way::Target,
    ),
    ("CNAMEFLAT", "providers that flatten", Way::Target),
    ("FLATTEN", "providers that flatten", Way::Target),
    ("APEXALIAS", "providers that flatten", Way::Target),
    ("APEXCNAME", "providers that flatten", Way::Target),
    ("XNAME", "providers that flatten", Way::Target),
    ("AWS", "cli53, for Route 53", Way::Target),
    ("R53_ALIAS", "DNSControl, for Route 53", Way::Target),
    ("ROUTE53_ALIAS", "DNSControl, for Route 53", Way::Target),
    ("AZURE_ALIAS", "DNSControl, for Azure DNS", Way::Target),
    ("NETLIFY", "Netlify", Way::Target),
    ("NETLIFYV6", "Netlify", Way::Target),
    ("AKAMAICDN", "Akamai", Way::Target),
    ("AKAMAITLC", "Akamai", Way::Target),
    ("BUNNY_DNS_PZ", "Bunny", Way::Target),
    ("PZ", "Bunny", Way::Target),
    ("VERCEL", "Vercel", Way::Target),
    ("DYNA", "gdnsd", Way::Policy),
    ("DYNC", "gdnsd", Way::Policy),
    ("LUA", "PowerDNS", Way::Policy),
    ("POOL", "Constellix and others", Way::Policy),
    ("GEO", "providers that answer by place", Way::Policy),
    ("GEOIP", "providers that answer by place", Way::Policy),
    ("FAILOVER", "providers that fail over", Way::Policy),
    ("WEIGHTED", "providers that answer by weight", Way::Policy),
    ("ROUNDROBIN", "providers that answer by weight", Way::Policy),
    ("SCR", "Bunny", Way::Policy),
    ("WORKER", "Cloudflare", Way::Policy),
    ("URL", "easyDNS, Namecheap and others", Way::Redirect),
    ("URL301", "Namecheap and others", Way::Redirect),
    ("URL302", "Namecheap and others", Way::Redirect),
    ("URLFWD", "NS1 and others", Way::Redirect),
    ("NS1_URLFWD", "DNSControl, for NS1", Way::Redirect),
    ("FRAME", "Namecheap and others", Way::Redirect),
    ("STEALTH", "easyDNS", Way::Redirect),
    ("CLOAK", "providers that redirect", Way::Redirect),
    ("CURL", "PowerDNS", Way::Redirect),
    ("HTTPRED", "DNS Made Easy", Way::Redirect),
    ("HTTPREDIRECTION", "Constellix", Way::Redirect),
    ("REDIRECT", "providers that redirect", Way::Redirect),
    ("REDIR", "providers that redirect", Way::Redirect),
    ("RDR", "Bunny", Way::Redirect),
    ("BUNNY_DNS_RDR", "DNSControl, for Bunny", Way::Redirect),
    ("WR", "ClouDNS", Way::Redirect),
    ("CLOUDNS_WR", "DNSControl, for ClouDNS", Way::Redirect),
    ("PORKBUN_URLFWD", "DNSControl, for Porkbun", Way::Redirect),
    ("CF_REDIRECT", "DNSControl, for Cloudflare", Way::Redirect),
    (
        "CF_TEMP_REDIRECT",
        "DNSControl, for Cloudflare",
        Way::Redirect,
    ),
    (
        "CF_SINGLE_REDIRECT",
        "DNSControl, for Cloudflare",
        Way::Redirect,
    ),
    (
        "CF_WORKER_ROUTE",
        "DNSControl, for Cloudflare",
        Way::Redirect,
    ),
    ("WEBFORWARD", "providers that redirect", Way::Redirect),
    ("WEBHOP", "Dyn", Way::Redirect),
    ("MBOXFW", "PowerDNS", Way::Mail),
    ("MAILFORWARD", "providers that forward mail", Way::Mail),
    ("MXE", "Namecheap", Way::Mail),
    ("FWD", "Technitium, MikroTik", Way::Synthesis),
    ("APP", "Technitium", Way::Policy),
    ("MIKROTIK_FWD", "DNSControl, for MikroTik", Way::Synthesis),
    ("SYNTH", "Knot DNS", Way::Synthesis),
    ("PRSD", "providers with private zones", Way::Synthesis),
    ("WINS", "Windows DNS", Way::Wins),
    ("WINS-R", "Windows DNS", Way::Wins),
    ("WINSR", "Windows DNS", Way::Wins),
    ("NBSTAT", "Windows DNS", Way::Wins),
    ("DKIM", "OVH and others", Way::Text),
    ("DMARC", "OVH and others", Way::Text),
    ("SPFM", "providers that split SPF", Way::Text),
    ("ALIASTXT", "providers that flatten", Way::Text),
];

/// Directives of other products.
const DIRECTIVES: &[(&str, &str, &str)] = &[
    (
        "$ADDR_LIMIT_V4",
        "gdnsd",
        "in zone TOML `answers = 1` at a name or pool does the same",
    ),
    (
        "$ADDR_LIMIT_V6",
        "gdnsd",
        "in zone TOML `answers = 1` at a name or pool does the same",
    ),
    (
        "$ADDR_LIMIT_4",
        "gdnsd",
        "in zone TOML `answers = 1` does the same",
    ),
    (
        "$ADDR_LIMIT_6",
        "gdnsd",
        "in zone TOML `answers = 1` does the same",
    ),
    ("$NAME", "other servers", "write `$ORIGIN example.com.`"),
    ("$DOMAIN", "other servers", "write `$ORIGIN example.com.`"),
    ("$ZONE", "other servers", "write `$ORIGIN example.com.`"),
    (
        "$CLASS",
        "other servers",
        "leave it out: every record is of class IN",
    ),
    (
        "$SERIAL",
        "other servers",
        "the serial is the third word of the SOA",
    ),
];

/// Finds the product whose word stands where a record type should be, and makes the fault.
pub(super) fn find_foreign(token: &Token<'_>, rest: &[Token<'_>]) -> Option<Flaw> {
    let word = token.raw.to_ascii_uppercase();
    let (_, product, way) = WORDS.iter().find(|(known, ..)| *known == word)?;
    let last = rest.last().map_or(token.range.end, |last| last.range.end);
    let what = match (word.as_str(), rest.first()) {
        ("AWS", Some(next)) if next.raw.eq_ignore_ascii_case("ALIAS") => "AWS ALIAS".to_owned(),
        _ => shown(token.raw).to_owned(),
    };
    let message = format!("`{what}` is a record of {product}, not of the DNS");
    let help = help_for(*way, rest);
    Some(("M038", token.range.start..last, message, Some(help)))
}

/// Finds the product of a directive, and makes the fault.
pub(super) fn find_directive(token: &Token<'_>) -> Option<Flaw> {
    let (_, product, help) = DIRECTIVES
        .iter()
        .find(|(known, ..)| token.raw.eq_ignore_ascii_case(known))?;
    let message = format!("`{}` is a directive of {product}", shown(token.raw));
    Some((
        "M038",
        token.range.clone(),
        message,
        Some((*help).to_owned()),
    ))
}

/// Returns whether this is the mark of Windows for a record's age, which has no meaning elsewhere.
pub(super) fn is_age(token: &Token<'_>) -> bool {
    let start = token.raw.get(..5).unwrap_or_default();
    !token.is_quoted && token.raw.ends_with(']') && start.eq_ignore_ascii_case("[AGE:")
        || token
            .raw
            .get(..7)
            .is_some_and(|start| start.eq_ignore_ascii_case("[AGING:"))
}

fn help_for(way: Way, rest: &[Token<'_>]) -> String {
    match way {
        Way::Target => {
            let target = target_among(rest).unwrap_or("lb.example.net");
            let dot = if target.ends_with('.') { "" } else { "." };
            format!(
                "zone TOML answers the addresses of another name, at the apex too: a pool with `members = [{{ target = \"{target}{dot}\" }}]`, and the name leads to it; `leeward convert` writes the rest of this file as TOML"
            )
        }
        Way::Policy => "zone TOML decides among healthy addresses: pools with `members` and `check`, and at the name `failover`, `weighted` or `geo` over them; `leeward convert` writes the rest of this file as TOML".to_owned(),
        Way::Redirect => "the DNS redirects nobody: write A or AAAA of a web server that does".to_owned(),
        Way::Mail => "the DNS forwards no mail: write MX of a mail server that does".to_owned(),
        Way::Synthesis => "write the records themselves; `$GENERATE` makes many of one pattern, and zones elsewhere are delegated by NS".to_owned(),
        Way::Wins => "look-ups by WINS and NetBIOS are made by Windows only: leave the line out, and write the hosts as A records".to_owned(),
        Way::Text => "write the type TXT, with the same text in quotes".to_owned(),
    }
}

/// Finds the name that such a record leads to: the longest word with a dot in it.
fn target_among<'t>(rest: &[Token<'t>]) -> Option<&'t str> {
    let is_name = |text: &&str| {
        text.contains('.')
            && text
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet))
            && text.parse::<std::net::Ipv4Addr>().is_err()
    };
    let words = rest.iter().map(|token| token.raw);
    words.filter(is_name).max_by_key(|word| word.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Lexeme, Rtype, Tokens};

    #[test]
    fn no_word_is_a_type_of_the_dns() {
        for (word, ..) in WORDS {
            assert_eq!(Rtype::parse(word), None, "{word}");
            assert_eq!(*word, word.to_ascii_uppercase());
        }
    }

    #[test]
    fn names_the_product_and_the_way_here() {
        let cases = [
            (
                "ANAME lb.example.net.",
                "`ANAME`",
                "target = \"lb.example.net.\"",
            ),
            (
                "alias lb.example.net",
                "`alias`",
                "target = \"lb.example.net.\"",
            ),
            (
                "AWS ALIAS A dualstack.lb-1.example.net. Z000EXAMPLE true",
                "`AWS ALIAS`",
                "target = \"dualstack.lb-1.example.net.\"",
            ),
            ("DYNA geoip!text", "gdnsd", "failover"),
            (
                "LUA A \"ifportup(443, {'192.0.2.1'})\"",
                "PowerDNS",
                "check",
            ),
            ("WINS L2 C900 ( 192.0.2.5 )", "Windows", "A records"),
            ("URL301 https://example.net/", "Namecheap", "web server"),
        ];
        for (text, wanted, way) in cases {
            let tokens: Vec<Token<'_>> = Tokens::new(text)
                .filter_map(|lexeme| match lexeme {
                    Ok(Lexeme::Token(token)) => Some(token),
                    _ => None,
                })
                .collect();
            let (code, _, message, help) = find_foreign(&tokens[0], &tokens[1..]).expect(text);
            let help = help.expect("help");
            assert_eq!(code, "M038");
            assert!(message.contains(wanted), "{message}");
            assert!(help.contains(way) && !help.contains("\\#"), "{help}");
        }
    }
}
