//! Laws for RDATA of every type, over generated octets and text.

use proptest::prelude::*;

use super::cases::{GOOD, origin, rows};
use super::layout::{Kind, every_layout};
use super::*;
use crate::wire::code::Rtype;
use crate::wire::name::Name;

/// Generates octets of one field; fields with rules of their own get raw octets as well as sound ones.
fn field_octets(kind: Kind) -> BoxedStrategy<Vec<u8>> {
    use proptest::collection::vec;
    let bytes = |sizes: std::ops::Range<usize>| vec(any::<u8>(), sizes);
    let behind_length = |sizes: std::ops::Range<usize>| {
        bytes(sizes).prop_map(|octets| {
            let length = u8::try_from(octets.len()).expect("a short string");
            std::iter::once(length).chain(octets).collect::<Vec<u8>>()
        })
    };
    let name = vec(behind_length(1..9), 0..4)
        .prop_map(|labels| labels.into_iter().flatten().chain([0]).collect::<Vec<u8>>());
    let types = proptest::collection::btree_set(any::<u16>(), 0..5).prop_map(|types| {
        let words: Vec<String> = types
            .into_iter()
            .map(|code| Rtype(code).to_string())
            .collect();
        let text = format!("a. {}", words.join(" "));
        let parsed = parse_rdata(Rtype::NSEC, &text, &origin()).expect("types");
        parsed.octets[3..].to_vec()
    });
    let parameter = (0_u16..10, bytes(0..20)).prop_map(|(key, value)| (key.to_be_bytes(), value));
    let parameters = vec(parameter, 0..3).prop_map(|mut parameters| {
        parameters.sort();
        let mut octets = Vec::new();
        for (key, value) in parameters {
            octets.extend(key);
            octets.extend([0, u8::try_from(value.len()).expect("a short value")]);
            octets.extend(value);
        }
        octets
    });
    match kind {
        Kind::U8 | Kind::Algorithm => prop_oneof![0_u8..5, any::<u8>()]
            .prop_map(|n| vec![n])
            .boxed(),
        Kind::U16 | Kind::CertType | Kind::Rtype => bytes(2..3).boxed(),
        Kind::U32 | Kind::Seconds | Kind::Timestamp | Kind::Ipv4 => bytes(4..5).boxed(),
        Kind::Ipv6 => bytes(16..17).boxed(),
        Kind::Node => bytes(8..9).boxed(),
        Kind::Eui(size) => bytes(size..size + 1).boxed(),
        Kind::Name(_) | Kind::Mailbox(_) => name.boxed(),
        Kind::Names => vec(name, 0..3).prop_map(|names| names.concat()).boxed(),
        Kind::String | Kind::Salt | Kind::Hash => behind_length(0..20).boxed(),
        Kind::Strings => vec(behind_length(0..20), 1..4)
            .prop_map(|strings| strings.concat())
            .boxed(),
        Kind::Tag => "[a-z0-9]{1,15}"
            .prop_map(|tag| {
                let length = u8::try_from(tag.len()).expect("a short tag");
                std::iter::once(length).chain(tag.into_bytes()).collect()
            })
            .boxed(),
        Kind::Text | Kind::Base64 | Kind::Base64OrNone | Kind::Base64OrDash | Kind::Nsap => {
            bytes(0..40).boxed()
        }
        Kind::OldTypes | Kind::Ports => bytes(0..18).boxed(),
        Kind::Protocol | Kind::SyncScheme | Kind::RelayType => bytes(1..2).boxed(),
        Kind::LongNumber => bytes(8..9).boxed(),
        Kind::HostSuffix => bytes(0..17).boxed(),
        Kind::Relay | Kind::PrefixName => {
            prop_oneof![bytes(0..1), bytes(4..5), bytes(16..17), name].boxed()
        }
        Kind::Hex => prop_oneof![bytes(0..40), bytes(20..21), bytes(32..33), bytes(48..49)].boxed(),
        Kind::Types => types.boxed(),
        Kind::Parameters => parameters.boxed(),
        Kind::Gateway => prop_oneof![bytes(0..1), bytes(4..5), bytes(16..17), name].boxed(),
        Kind::GatewayKey => bytes(0..10).boxed(),
        Kind::HostIdentity => (bytes(1..9), bytes(1..9), any::<u8>())
            .prop_map(|(hit, key, algorithm)| {
                let length = |octets: &[u8]| u8::try_from(octets.len()).expect("short octets");
                let head = [length(&hit), algorithm, 0, length(&key)];
                head.into_iter().chain(hit).chain(key).collect()
            })
            .boxed(),
        Kind::Prefixes => vec((1_u8..3, 0_u8..40, any::<bool>(), bytes(0..5)), 0..3)
            .prop_map(|items| {
                let mut octets = Vec::new();
                for (family, bits, negation, address) in items {
                    let length = u8::try_from(address.len()).expect("a short address");
                    octets.extend([0, family, bits, length | u8::from(negation) << 7]);
                    octets.extend(address);
                }
                octets
            })
            .boxed(),
        Kind::Location => (
            vec(0x10_u8..0x9a, 3),
            0x7000_0000_u32..0x9000_0000,
            any::<[u32; 2]>(),
        )
            .prop_map(|(sizes, latitude, [longitude, altitude])| {
                let longitude = 0x6000_0000 + longitude % 0x4000_0000;
                let numbers = [latitude, longitude, altitude]
                    .map(u32::to_be_bytes)
                    .concat();
                std::iter::once(0).chain(sizes).chain(numbers).collect()
            })
            .boxed(),
    }
}

/// Generates octets for one layout, most of them sound.
fn layout_octets() -> impl Strategy<Value = (Rtype, Vec<u8>)> {
    (0..every_layout().len()).prop_flat_map(|at| {
        let fields: Vec<_> = every_layout()[at]
            .fields
            .iter()
            .map(|field| field_octets(field.kind))
            .collect();
        fields.prop_map(move |parts| (every_layout()[at].rtype, parts.concat()))
    })
}

/// Generates good octets with one octet changed, put in or taken out.
fn damaged_octets() -> impl Strategy<Value = (Rtype, Vec<u8>)> {
    let good: Vec<(Rtype, Vec<u8>)> = rows(GOOD)
        .map(|(rtype, text, _)| {
            (
                rtype,
                parse_rdata(rtype, text, &origin())
                    .expect(text)
                    .octets
                    .to_vec(),
            )
        })
        .collect();
    (
        proptest::sample::select(good),
        any::<proptest::sample::Index>(),
        any::<u8>(),
        0..3,
    )
        .prop_map(|((rtype, mut octets), at, octet, change)| {
            let at = at.index(octets.len() + 1);
            match (change, at < octets.len()) {
                (0, true) => octets[at] = octet,
                (1, true) => drop(octets.remove(at)),
                _ => octets.insert(at, octet),
            }
            (rtype, octets)
        })
}

/// The law: sound octets have text that reads back; others have `\#` text that is refused with the same fault.
fn check_text_law(rtype: Rtype, octets: &[u8]) -> Result<(), TestCaseError> {
    let text = rdata_text(rtype, octets);
    let parsed = parse_rdata(rtype, &text, &Name::root());
    let _ = additional_name(rtype, octets);
    match check_rdata(rtype, octets) {
        Ok(()) => {
            let parsed =
                parsed.map_err(|fault| TestCaseError::fail(format!("{rtype} {text}: {fault}")))?;
            prop_assert_eq!(&*parsed.octets, octets, "{} {}", rtype, &text);
            prop_assert_eq!(parsed.names.len(), rdata_name_ranges(rtype, octets).len());
            let known = every_layout().iter().any(|layout| layout.rtype == rtype);
            prop_assert_eq!(text.starts_with("\\#"), !known, "{} {}", rtype, &text);
        }
        Err(fault) => {
            prop_assert!(text.starts_with("\\#"), "{} {}", rtype, &text);
            prop_assert_eq!(parsed.map_err(|fault| fault.message), Err(fault.message));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn text_of_sound_octets_reads_back((rtype, octets) in layout_octets()) {
        check_text_law(rtype, &octets)?;
    }

    #[test]
    fn text_of_damaged_octets_reads_back_or_is_refused((rtype, octets) in damaged_octets()) {
        check_text_law(rtype, &octets)?;
    }

    #[test]
    fn any_octets_have_text(code in 0_u16..270, octets in proptest::collection::vec(any::<u8>(), 0..60)) {
        check_text_law(Rtype(code), &octets)?;
    }

    #[test]
    fn any_text_is_read_or_refused_in_place(
        at in 0..every_layout().len(),
        head in 0..4_usize,
        text in "[ -~\\n\\t\\\\\"é@=,:.#0-9]{0,40}",
    ) {
        let sample: Vec<&str> = every_layout()[at].sample.split(' ').take(head).collect();
        let text = format!("{} {text}", sample.join(" "));
        match parse_rdata(every_layout()[at].rtype, &text, &origin()) {
            Ok(parsed) => prop_assert_eq!(check_rdata(every_layout()[at].rtype, &parsed.octets), Ok(())),
            Err(fault) => {
                if let Some(range) = fault.range {
                    prop_assert!(text.get(range).is_some(), "{}", text);
                }
            }
        }
    }
}
