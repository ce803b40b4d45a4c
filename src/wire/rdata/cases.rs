//! RDATA of every type in tables: good text with its octets, bad text with its fault.
//!
//! The octets were put together by hand from the RFCs; `oracle` compares with other software.

use super::layout::every_layout;
use super::rare::OPAQUE;
use super::*;
use crate::wire::code::Rtype;
use crate::wire::name::Name;

pub(super) fn origin() -> Name {
    Name::parse_absolute("example.com").expect("a name")
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Reads a table of `TYPE | text | hex or text`.
pub(super) fn rows(table: &str) -> impl Iterator<Item = (Rtype, &str, &str)> {
    table
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let mut cells = line.split(" | ").map(str::trim);
            let rtype = Rtype::parse(cells.next().expect(line)).expect(line);
            (rtype, cells.next().expect(line), cells.next().expect(line))
        })
}

/// Type, text, octets in hexadecimal.
pub(super) const GOOD: &str = r##"
A          | 192.0.2.1 | c0000201
A          | \# 4 c0 000201 | c0000201
NS         | ns1 | 036e7331076578616d706c6503636f6d00
NS         | ns1.example.net. | 036e7331076578616d706c65036e657400
CNAME      | @ | 076578616d706c6503636f6d00
DNAME      | . | 00
SOA        | a. b. 1 1h 900 2w 5m | 0161000162000000000100000e1000000384001275000000012c
SOA        | a. a\.b. 4294967295 ( 1 2 3 4 ) | 01610003612e6200ffffffff00000001000000020000000300000004
PTR        | a. | 016100
HINFO      | x86 "Linux 6" | 03783836074c696e75782036
MX         | 10 mail.a. | 000a046d61696c016100
MX         | 0 . | 000000
TXT        | a "b c" "" | 0161036220630 0
TXT        | "\"\\\065\;" | 04225c413b
TXT        | k=v | 036b3d76
SPF        | "v=spf1 -all" | 0b763d73706631202d616c6c
RP         | a. . | 01610000
AFSDB      | 1 a. | 0001016100
AAAA       | 2001:db8::1 | 20010db8000000000000000000000001
AAAA       | ::ffff:192.0.2.1 | 00000000000000000000ffffc0000201
LOC        | 0 N 0 E 0m | 00121613800000008000000000989680
LOC        | 90 S 180 W -100000.00m 0m 90000000m 1 | 000099126cb0270059604e0000000000
LOC        | 52 22 23.500 N 4 53 32 E -2.50m 10m | 001316138b3cf20c810cbce000989586
SRV        | 10 60 5060 sip.a. | 000a003c13c403736970016100
NAPTR      | 1 2 u sip "!^.*$!a!" . | 00010002017503736970082 15e2e2a2421612100
NAPTR      | 1 2 "" "" "" a. | 00010002000000016100
KX         | 1 a. | 0001016100
CERT       | PKIX 1 RSASHA256 AQID | 0001000108010203
CERT       | 65280 0 0 AQ== | ff0000000001
APL        | 1:192.0.2.0/24 !2:ff00::/8 | 0001 18 03 c00002 0002 08 81 ff
DS         | 1 8 1 (00010203 04050607 0809 0a0b0c0d0e0f 10111213) | 00010801000102030405060708090a0b0c0d0e0f10111213
DS         | 1 ED25519 250 AB | 00010ffaab
CDS        | 0 0 0 00 | 0000000000
SSHFP      | 4 3 ab | 0403ab
IPSECKEY   | 10 0 0 . | 0a0000
IPSECKEY   | 10 1 2 192.0.2.1 AQ== | 0a0102c000020101
IPSECKEY   | 10 2 2 ::1 AQ== | 0a02020000000000000000000000000000000101
IPSECKEY   | 10 3 2 a. AQ== | 0a030201610001
DNSKEY     | 257 3 ED25519 AQID | 0101030f010203
CDNSKEY    | 0 3 0 AA== | 0000030000
DHCID      | AAEC | 000102
RRSIG      | A 13 2 300 20260201000000 0 7 a. AQ== | 00010d020000012c697e978000000000000701610001
NSEC       | a. A MX RRSIG NSEC TYPE1234 | 01610000064001000000030 41b000000000000000000000000000000000000000000000000000020
NSEC       | a. | 016100
NSEC3      | 1 1 12 aabb CPNMUOJ1 A | 0101000c02aabb05666f6f6261000140
NSEC3PARAM | 1 0 0 - | 0100000000
TLSA       | 3 0 0 ab cd | 030000abcd
SMIMEA     | 3 0 0 abcd | 030000abcd
HIP        | 2 ab AQID | 01020003ab010203
HIP        | 2 ab AQID a. b. | 01020003ab010203016100016200
OPENPGPKEY | AQ ID | 010203
CSYNC      | 66 3 A NS | 00000042000300 0160
ZONEMD     | 1 1 240 abcdabcdabcdabcdabcdabcd | 0000000101f0 abcdabcdabcdabcdabcdabcd
SVCB       | 0 a. | 0000016100
SVCB       | 16 foo. alpn="f\\\\oo\\,bar,h2" | 001003666f6f00000100 0c08665c6f6f2c626172026832
SVCB       | 16 foo. alpn=f\\\092oo\092,bar,h2 | 001003666f6f000001000c08665c6f6f2c626172026832
SVCB       | 1 foo. key667=hello | 000103666f6f00029b000568656c6c6f
SVCB       | 1 foo. key667="hello\210qoo" | 000103666f6f00029b000968656c6c6fd2716f6f
SVCB       | 1 foo. key667 | 000103666f6f00029b0000
SVCB       | 16 foo. ( alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1 ) | 001003666f6f00000000040001000400010009026832 0568332d3139000400 04c0000201
SVCB       | 1 foo. ipv6hint="2001:db8::1,2001:db8::53:1" | 000103666f6f000006002020010db800000000000000000000000120010db8000000000000000000530001
SVCB       | 1 . dohpath=/q{?dns} alpn=h2 | 0001000001000302683200070008 2f717b3f646e737d
HTTPS      | 1 . | 000100
HTTPS      | 1 . port=8443 no-default-alpn alpn=h3 ech=AQ== ohttp | 000100000100030268330002000000030002 20fb000500010100080000
HTTPS      | 1 . key3="\032\251" | 00010000030002 20fb
NID        | 10 14:4fff:ff20:ee64 | 000a00144fffff20ee64
L32        | 10 192.0.2.1 | 000ac0000201
L64        | 10 2001:0DB8:1140:1000 | 000a20010db811401000
LP         | 10 a. | 000a016100
EUI48      | 00-00-5E-00-53-2a | 00005e00532a
EUI64      | 00-00-5e-ef-10-00-00-2a | 00005eef1000002a
URI        | 10 1 "ftp://a" | 000a00016674703a2f2f61
CAA        | 0 issue "ca; p=1" | 000569737375 6563613b20703d31
CAA        | 128 iodef mailto:a@b | 8005696f6465666d61696c746f3a614062
CAA        | 0 issue "" | 00056973737565
CAA        | 0 contactphonenumber "1" | 0012636f6e7461637470686f6e656e756d626572 31
MD         | a. | 016100
MF         | a. | 016100
MB         | a. | 016100
MG         | a. | 016100
MR         | a. | 016100
WKS        | 192.0.2.1 tcp smtp 7 | c000020106 01000040
WKS        | 192.0.2.1 17 | c000020111
MINFO      | a. b. | 016100016200
X25        | 311061700956 | 0c333131303631373030393536
ISDN       | 1508 | 0431353038
ISDN       | "1508" 004 | 043135303803303034
RT         | 2 a. | 0002016100
NSAP       | 0x47.0005.80 | 47000580
NSAP-PTR   | a. | 016100
SIG        | A 5 2 300 20260201000000 0 7 a. AQ== | 000105020000012c697e978000000000000701610001
KEY        | 256 3 5 AQID | 01000305010203
KEY        | 49152 3 0 | c0000300
PX         | 10 a. b. | 000a016100016200
GPOS       | -32.6882 116.8652 10.0 | 082d33322e36383832 083131362e38363532 0431302e30
NXT        | a. A MX SIG NXT | 01610040010082
EID        | e32c 6f78 | e32c6f78
NIMLOC     | 7523 | 7523
A6         | 0 2001:db8::1 | 0020010db8000000000000000000000001
A6         | 64 ::1234 a. | 400000000000001234016100
A6         | 61 2001:db8:0:ffff::1 a. | 3d070000000000000001016100
A6         | 128 a. | 80016100
SINK       | 1 0 2 AQ== | 01000201
NINFO      | a b | 01610162
RKEY       | 0 255 1 AQ== | 0000ff0101
TALINK     | a. b. | 016100016200
DSYNC      | CDS NOTIFY 5359 a. | 003b0114ef016100
DSYNC      | CSYNC 5 53 a. | 003e050035016100
HHIT       | AQID | 010203
BRID       | AQID | 010203
AVC        | a | 0161
DOA        | 0 1 2 "" AQID | 00000000000000010200010203
DOA        | 1 2 3 t - | 000000010000000203 0174
AMTRELAY   | 10 0 0 . | 0a00
AMTRELAY   | 10 1 1 192.0.2.1 | 0a81c0000201
AMTRELAY   | 10 0 2 2001:db8::15 | 0a0220010db8000000000000000000000015
AMTRELAY   | 128 1 3 a. | 8083016100
RESINFO    | qnamemin | 08716e616d656d696e
WALLET     | BTC x | 034254430178
CLA        | TCP-v4 | 065443502d7634
IPN        | 18446744073709551615 | ffffffffffffffff
TA         | 1 8 250 AB | 000108faab
DLV        | 1 8 250 AB | 000108faab
NULL       | \# 1 ab | ab
ATMA       | \# 0 | -
TYPE65280  | \# 3 abcdef | abcdef
TYPE65280  | \# 0 | -
"##;

#[test]
fn reads_good_text_and_writes_it_back() {
    for (rtype, text, wanted) in rows(GOOD) {
        let wanted = wanted.replace([' ', '-'], "");
        let parsed = parse_rdata(rtype, text, &origin())
            .unwrap_or_else(|fault| panic!("{rtype} {text}: {fault}"));
        assert_eq!(hex(&parsed.octets), wanted, "{rtype} {text}");
        assert_eq!(check_rdata(rtype, &parsed.octets), Ok(()), "{rtype} {text}");
        let written = rdata_text(rtype, &parsed.octets);
        assert!(
            rtype.0 >= 65280 || OPAQUE.contains(&rtype) || !written.starts_with("\\#"),
            "{rtype} {text}: {written}"
        );
        let again = parse_rdata(rtype, &written, &Name::root()).expect(&written);
        assert_eq!(again.octets, parsed.octets, "{rtype} {text}: {written}");
    }
}

#[test]
fn covers_every_type() {
    for layout in every_layout() {
        assert!(
            rows(GOOD).any(|(rtype, _, _)| rtype == layout.rtype),
            "{}",
            layout.rtype
        );
        assert!(
            rows(BAD).any(|(rtype, _, _)| rtype == layout.rtype),
            "{}",
            layout.rtype
        );
        let parsed = parse_rdata(layout.rtype, layout.sample, &origin());
        assert!(parsed.is_ok(), "{}: {parsed:?}", layout.rtype);
    }
}

/// Type, text, the part of the text at fault (`$` for its end, `-` for none), words of the message or help.
const BAD: &str = r##"
A          |  | - | A needs an IPv4 address: `192.0.2.1`
A          | 192.0.2.1 192.0.2.2 | 192.0.2.2 | `192.0.2.2` is too much
A          | 2001:db8::1 | 2001:db8::1 | it belongs into AAAA
A          | 192.0.2.256 | 192.0.2.256 | numbers from 0 to 255
A          | "192.0.2.1" | "192.0.2.1" | without quotes
A          | \# 3 c00002 | \# 3 c00002 | ends early
A          | \# 5 c000020101 | \# 5 c000020101 | 1 octet too many at the end of A
A          | \# 4 c00002 | 4 | promises 4 octets, but 3 follow
A          | \# x | x | a number from 0 to 65535
A          | \# | $ | needs a length
A          | \# 4 c00002zz | z | `z` is no hexadecimal digit
AAAA       | 192.0.2.1 | 192.0.2.1 | it belongs into A
AAAA       | 2001:db8:::1 | 2001:db8:::1 | groups of hexadecimal digits
NS         | ns1..a | ns1..a | a label is empty
NS         | 192.0.2.1 | 192.0.2.1 | must be a name, not the address
NS         | "ns1" | "ns1" | without quotes
NS         | münchen | münchen | `xn--mnchen-3ya`
NS         | \# 5 036e7331c0 | \# 5 036e7331c0 | is no name
CNAME      |  | - | CNAME needs a target: `www`
DNAME      | a b | b | takes a target and nothing more
SOA        | ns1 hostmaster | $ | SOA needs a first name server, a mailbox, a serial
SOA        | ns1 host.master@a.b 1 2 3 4 5 | host.master@a.b | write the mailbox as a name: `host\.master.a.b.`
SOA        | ns1 a 1 1y 3 4 5 | 1y | seconds or a time like `1h30m`
SOA        | ns1 a 4294967296 2 3 4 5 | 4294967296 | from 0 to 4294967295
PTR        | a@b | a@b | stands alone
HINFO      | x86 | $ | needs a CPU string and an OS string
MX         | mail | mail | the preference of MX must be a number from 0 to 65535, not `mail`
MX         | 10 | $ | MX needs a preference and a host: `10 mail`
MX         | 65536 mail | 65536 | a number from 0 to 65535
MX         | -1 mail | -1 | a number from 0 to 65535
MX         | 10 (mail | ( | never closed
TXT        |  | - | one or more strings
TXT        | "a | " | not closed
TXT        | a"b | " | quote in the middle
TXT        | k="a b" | k="a b" | quote the whole string
TXT        | "\300" | \300 | three digits
SPF        |  | - | one or more strings
RP         | a | $ | a mailbox and a name of TXT records
AFSDB      | x a. | x | a number
LOC        | 52 N | $ | LOC needs a location
LOC        | 91 N 0 E 0m | N | degrees up to 90
LOC        | 1 60 N 0 E 0m | N | seconds below 60
LOC        | x N 0 E 0m | x | does not fit
LOC        | 0 N 0 E 0m 100000000m | 100000000m | the size of LOC
SRV        | 10 60 sip. | sip. | the port of SRV
NAPTR      | 1 2 "a b" x "" a. | "a b" | letters and digits
NAPTR      | 1 2 u x "!a!b!" a. | a. | beside a regular expression
KX         | 1 | $ | a preference and a host
CERT       | XPKI 0 0 AQ== | XPKI | a mnemonic like `PKIX`
CERT       | 1 0 0 | $ | a certificate in Base64
APL        | 192.0.2.0/24 | 192.0.2.0/24 | write `1:192.0.2.0/24`
DS         | 1 8 2 abcd | abcd | has 2 octets, but digest type 2 (SHA-256) gives 32
DS         | 1 8 2 abc | abc | do not make whole octets
DS         | 1 RSA 2 ab | RSA | a mnemonic like
CDS        | 0 0 0 0000 | 0000 | has 2 octets
SSHFP      | 1 2 ab | ab | fingerprint type 2 (SHA-256) gives 32
IPSECKEY   | 1 4 0 . | . | must be 0, 1 (IPv4), 2 (IPv6) or 3 (name)
IPSECKEY   | 1 1 2 a. AQ== | a. | as its type is 1
IPSECKEY   | 1 0 2 . | $ | IPSECKEY needs
IPSECKEY   | 1 0 0 . AQ== | AQ== | without an algorithm
DNSKEY     | 257 2 15 AQID | 2 | must be 3, not 2
DNSKEY     | 257 3 15 AQI | AQI | padding is wrong
CDNSKEY    | 0 3 0 | $ | a public key in Base64
DHCID      | A*== | * | `*` is no Base64 digit
RRSIG      | A 13 2 300 20260230000000 0 7 a. AQ== | 20260230000000 | a time like
RRSIG      | X 13 2 300 0 0 7 a. AQ== | X | a type like
NSEC       | a. A B | B | `B` is no RR type
NSEC3      | 1 0 0 - W A | W | `W` is no Base32hex digit
NSEC3PARAM | 1 0 0 abc | abc | do not make whole octets
TLSA       | 3 1 1 ab | ab | matching type 1 (SHA-256) gives 32
SMIMEA     | 3 1 256 ab | 256 | a number from 0 to 255
HIP        | 2 ab | $ | HIP needs
HIP        | x ab AQID | x | a number from 0 to 255
OPENPGPKEY | A | A | padding is wrong
CSYNC      | 66 3 X | X | is no RR type
ZONEMD     | 1 1 1 abcdabcdabcdabcdabcdabcd | abcdabcdabcdabcdabcdabcd | hash algorithm 1 (SHA-384) gives 48
ZONEMD     | 1 1 240 ab | ab | fewer than 12 octets
SVCB       | 0 a. alpn=h2 | alpn=h2 | an alias (priority 0) takes no parameters
SVCB       | 1 . alpn | alpn | write it like `alpn=h2,h3`
SVCB       | 1 . alpn="" | alpn="" | none empty
SVCB       | 1 . alpn=h2 alpn=h3 | alpn=h3 | `alpn` is written twice
SVCB       | 1 . APLN=h2 | APLN | did you mean `alpn`?
SVCB       | 1 . port=x | x | write it like `port=8443`
SVCB       | 1 . key65535=a | key65535=a | reserved as invalid
SVCB       | 1 . mandatory=port alpn=h2 | mandatory=port | lists `port`, which the record does not have
SVCB       | 1 . mandatory=alpn,alpn alpn=h2 | mandatory=alpn,alpn | each key once
SVCB       | 1 . mandatory=mandatory | mandatory=mandatory | must not list itself
SVCB       | 1 . no-default-alpn | no-default-alpn | needs `alpn`
SVCB       | 1 . no-default-alpn=x alpn=h2 | no-default-alpn=x | takes no value
SVCB       | 1 . dohpath=/q | dohpath=/q | `/dns-query{?dns}`
SVCB       | 1 . ech=A | A | padding is wrong
HTTPS      | 1 . ipv4hint=192.0.2.1,::1 | 192.0.2.1,::1 | `::1` does not fit `ipv4hint`
HTTPS      | 1 . mandatory=ipv4hint ipv4hint=auto | mandatory=ipv4hint | cannot be mandatory
HTTPS      | 0 . ipv4hint=auto | ipv4hint=auto | takes no parameters
HTTPS      | 1 . weight=1 | weight | is no service parameter
NID        | 1 0:0:0 | 0:0:0 | four groups
L32        | 1 ::1 | ::1 | four numbers
L64        | 1 0:0:0:00000 | 0:0:0:00000 | four groups
LP         | 1 | $ | a preference and a name
EUI48      | 00-00-5e-00-53 | 00-00-5e-00-53 | six pairs
EUI64      | 0-0-0-0-0-0-0-0 | 0-0-0-0-0-0-0-0 | eight pairs
URI        | 1 2 "" | "" | must not be empty
CAA        | 0 is_sue "a" | is_sue | letters and digits
CAA        | 0 issue ; x=1 | $ | CAA needs
CAA        | 0 issue a b | b | double quotes
MD         | a b | b | nothing more
MF         | a..b | a..b | a label is empty
MB         |  | - | needs a host
MG         | a@b | a@b | write the mailbox as a name
MR         | "a" | "a" | without quotes
WKS        | 192.0.2.1 tcpx 25 | tcpx | `tcp` or `udp`
WKS        | 192.0.2.1 6 65536 | 65536 | 0 to 65535
MINFO      | a | $ | a mailbox for errors
X25        | 31a1 | 31a1 | at least four digits
ISDN       | a b c | c | one or two strings
RT         | 1 | $ | a preference and a host
NSAP       | 47.0005 | 47.0005 | `0x`
NSAP-PTR   |  | - | needs a name
SIG        | A 13 2 300 0 0 7 a. | $ | a signature
KEY        | 49152 3 0 AQ== | AQ== | to say that it is not
PX         | 10 a. | $ | a name of X.400
GPOS       | 1 2 | $ | an altitude
NXT        | a. CAA | CAA | 1 to 127
EID        | e | e | do not make whole octets
NIMLOC     |  | - | a locator
A6         | 129 ::1 a. | ::1 | up to 128
A6         | 64 ::1 | $ | a name of the prefix
SINK       | 1 0 | $ | a subcoding
NINFO      |  | - | one or more strings
RKEY       | 0 x 1 AQ== | x | 0 to 255
TALINK     | a. | $ | a next name
DSYNC      | CDS TELL 5359 a. | TELL | `NOTIFY`
HHIT       | * | * | no Base64 digit
BRID       |  | - | in Base64
AVC        |  | - | one or more strings
DOA        | 0 1 2 | $ | a media type
AMTRELAY   | 10 2 1 192.0.2.1 | 2 | 0 or 1
AMTRELAY   | 10 0 4 . | 4 | 3 (name)
AMTRELAY   | 10 0 1 a. | a. | as its type is 1
RESINFO    |  | - | one or more strings
WALLET     |  | - | one or more strings
CLA        |  | - | one or more strings
IPN        | 18446744073709551616 | 18446744073709551616 | a number from 0
TA         | 1 8 2 ab | ab | digest type 2
DLV        | 1 8 1 ab | ab | digest type 1
NULL       | ab | ab | can only be written as `\# length hex`
NXNAME     | \# 0 | - | lives in messages only
OPT        | \# 0 | - | lives in messages only
ANY        | x | - | lives in messages only
TYPE65280  | a | a | can only be written as `\# length hex`
"##;

#[test]
fn says_what_is_wrong_and_where() {
    for row in BAD.lines().filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = row.split(" | ").map(str::trim).collect();
        let [rtype, text, part, words] = cells[..] else {
            panic!("{row}")
        };
        let rtype = Rtype::parse(rtype).expect(row);
        let fault = match parse_rdata(rtype, text, &origin()) {
            Ok(parsed) => panic!("{row}\n{parsed:?}"),
            Err(fault) => fault,
        };
        let fault_text = fault.to_string();
        assert!(fault_text.contains(words), "{row}\n{fault_text}");
        let found = fault
            .range
            .map(|range| (range.clone(), text.get(range).expect(row)));
        match (part, found) {
            ("-", None) => {}
            ("$", Some((range, ""))) => assert!(range.end <= text.len(), "{row}"),
            (part, Some((_, found))) => assert_eq!(found, part, "{row}\n{fault_text}"),
            (_, None) => panic!("{row}\n{fault_text}"),
        }
    }
}

#[test]
fn notes_names_as_written_and_automatic_hints() {
    let parsed = parse_rdata(Rtype::SOA, r"@ a\.b.c. 1 2 3 4 5", &origin()).expect("RDATA");
    let shown: Vec<_> = parsed
        .names
        .iter()
        .map(|name| {
            (
                name.name.to_string(),
                name.is_relative,
                name.labels_written,
                &*name.text,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("example.com.".to_owned(), true, 0, "@"),
            (r"a\.b.c.".to_owned(), false, 2, r"a\.b.c."),
        ]
    );
    let cases = [
        ("a.b", true, 2),
        (r"a\.", true, 1),
        (".", false, 0),
        (r"a\\.", false, 1),
    ];
    for (text, is_relative, labels_written) in cases {
        let parsed = parse_rdata(Rtype::NS, text, &origin()).expect(text);
        let name = &parsed.names[0];
        assert_eq!(
            (name.is_relative, name.labels_written),
            (is_relative, labels_written),
            "{text}"
        );
    }
    let parsed = parse_rdata(
        Rtype::HTTPS,
        "1 . ipv6hint=auto port=1 ipv4hint=auto",
        &origin(),
    )
    .expect("RDATA");
    assert_eq!(
        parsed.auto_hints,
        AutoHints {
            ipv4: true,
            ipv6: true
        }
    );
    assert_eq!(hex(&parsed.octets), "00010000030002 0001".replace(' ', ""));
    let parsed = parse_rdata(Rtype::MX, r"\# 5 000a016100", &origin()).expect("RDATA");
    assert_eq!(
        (parsed.names[0].text.as_str(), parsed.names[0].is_relative),
        ("a.", false)
    );
}

#[test]
fn accepts_records_over_several_lines_only_in_parentheses() {
    assert!(parse_rdata(Rtype::MX, "\n10 mail ; the host\n\n", &origin()).is_ok());
    assert!(parse_rdata(Rtype::MX, "(10 ; first\n mail)", &origin()).is_ok());
    let fault = parse_rdata(Rtype::MX, "10\nmail", &origin()).expect_err("two lines");
    assert_eq!(fault.range, Some(3..7));
}
