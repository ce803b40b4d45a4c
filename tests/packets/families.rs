//! Messages that come in families: every prefix of a query, every type, opcode, flag and EDNS version (RFC 8906,
//! section 8).
//!
//! In: nothing. Out: named messages. Never here: outcomes; what at least one peer does is right.

/// Name, type A and class IN, as `zone.toml` has them.
const QUESTION: &[u8] = b"\x03www\x07packets\x04test\0\0\x01\0\x01";
const APEX_QUESTION: &[u8] = b"\x07packets\x04test\0\0\x01\0\x01";
/// OPT with a payload size of 1,232 and a client cookie.
const OPT: &[u8] = b"\0\0\x29\x04\xd0\0\0\0\0\0\x0c\0\x0a\0\x08\x01\x02\x03\x04\x05\x06\x07\x08";
/// Where OPT holds its version.
const OPT_VERSION: usize = 6;
/// Types that the registry of today knows, and a little more.
const TYPES: std::ops::RangeInclusive<u16> = 0..=270;
/// Types at the ends of the unassigned and private ranges (RFC 6895, section 3.1).
const FAR_TYPES: [u16; 7] = [1000, 32_767, 32_768, 32_769, 65_280, 65_534, 65_535];

/// All families.
pub(crate) fn families() -> Vec<(String, Vec<u8>)> {
    let mut list = prefixes();
    list.extend(types());
    list.extend(opcodes());
    list.extend(flags());
    list.extend(versions());
    list
}

fn message(flags: u16, question: &[u8], opt: &[u8]) -> Vec<u8> {
    let mut octets = vec![0x42, 0x42];
    octets.extend(flags.to_be_bytes());
    octets.extend([0, 1, 0, 0, 0, 0, 0, u8::from(!opt.is_empty())]);
    octets.extend(question);
    octets.extend(opt);
    octets
}

fn prefixes() -> Vec<(String, Vec<u8>)> {
    let whole = message(0, QUESTION, OPT);
    (0..whole.len())
        .map(|len| (format!("the first {len} octets"), whole[..len].to_vec()))
        .collect()
}

fn types() -> Vec<(String, Vec<u8>)> {
    let mut list = Vec::new();
    for (name, question) in [("www", QUESTION), ("the apex", APEX_QUESTION)] {
        for rtype in TYPES.chain(FAR_TYPES) {
            let mut octets = message(0, question, &[]);
            let at = octets.len() - 4;
            octets[at..at + 2].copy_from_slice(&rtype.to_be_bytes());
            list.push((format!("type {rtype} of {name}"), octets));
        }
    }
    list
}

fn opcodes() -> Vec<(String, Vec<u8>)> {
    // NOTIFY and UPDATE stand in `messages.toml`.
    let is_of_others = |opcode: &u16| ![4, 5].contains(opcode);
    (0..16)
        .filter(is_of_others)
        .flat_map(|opcode| {
            let flags = opcode << 11 | 0x0100;
            [
                (format!("opcode {opcode}"), message(flags, QUESTION, &[])),
                (
                    format!("opcode {opcode}, EDNS"),
                    message(flags, QUESTION, OPT),
                ),
            ]
        })
        .collect()
}

/// Every combination of the flags AA, TC, RD, RA, Z, AD and CD.
fn flags() -> Vec<(String, Vec<u8>)> {
    (0..128_u16)
        .map(|bits| {
            let flags = (bits >> 3) << 7 | (bits & 7) << 4;
            (format!("flags {flags:04x}"), message(flags, QUESTION, &[]))
        })
        .collect()
}

fn versions() -> Vec<(String, Vec<u8>)> {
    (0..=255_u8)
        .map(|version| {
            let mut opt = OPT.to_vec();
            opt[OPT_VERSION] = version;
            (
                format!("EDNS version {version}"),
                message(0, QUESTION, &opt),
            )
        })
        .collect()
}
