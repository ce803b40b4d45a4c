//! Places on Earth: LOC (RFC 1876).
//!
//! In: `52 22 23.000 N 4 53 32 E -2m 1m 10000m 10m`, or octets. Out: octets, or that text. Never here: geography; LOC
//! has nothing to do with where clients are.

use super::fault::{RdataFault, RdataFaultKind};
use super::flaw::Flaw;
use super::source::{Draft, Source, shown};

/// Octets of a LOC record (RFC 1876, section 2).
const LENGTH: usize = 16;
/// The wire value of the equator and the prime meridian, in thousandths of a second of arc.
const MIDDLE: u32 = 1 << 31;
/// Thousandths of a second of arc in a degree.
const DEGREE: u32 = 3_600_000;
/// Altitudes count from 100 000 m below the reference spheroid, in centimetres.
const ALTITUDE_BASE: i64 = 10_000_000;
/// Size, horizontal and vertical precision if not written: 1 m, 10 000 m, 10 m (RFC 1876, section 3).
const PRECISIONS: [(&str, u8); 3] = [
    ("size", 0x12),
    ("horizontal precision", 0x16),
    ("vertical precision", 0x13),
];

/// Latitude or longitude.
struct Angle {
    name: &'static str,
    positive: &'static str,
    negative: &'static str,
    degrees_max: u32,
}

const LATITUDE: Angle = Angle {
    name: "latitude",
    positive: "N",
    negative: "S",
    degrees_max: 90,
};
const LONGITUDE: Angle = Angle {
    name: "longitude",
    positive: "E",
    negative: "W",
    degrees_max: 180,
};

/// Reads a location.
pub(super) fn read(source: &mut Source<'_, '_>, draft: &mut Draft) -> Result<(), RdataFault> {
    let latitude = read_angle(&LATITUDE, source)?;
    let longitude = read_angle(&LONGITUDE, source)?;
    let token = source.take()?;
    let altitude = read_centimetres(token.raw)
        .and_then(|centimetres| u32::try_from(centimetres + ALTITUDE_BASE).ok())
        .ok_or_else(|| {
            let message = format!(
                "the altitude of LOC must be metres from -100000.00 to 42849672.95, not `{}`",
                shown(token.raw)
            );
            RdataFault::new(RdataFaultKind::Number, message).at(&token.range)
        })?;
    draft.octets.push(0);
    for (name, default) in PRECISIONS {
        let Some(token) = source.peek() else {
            draft.octets.push(default);
            continue;
        };
        let token = source.take().unwrap_or(token);
        let precision = read_centimetres(token.raw)
            .and_then(pack_precision)
            .ok_or_else(|| {
                let message = format!(
                    "the {name} of LOC must be metres from 0 to 90000000.00, not `{}`",
                    shown(token.raw)
                );
                RdataFault::new(RdataFaultKind::Number, message).at(&token.range)
            })?;
        draft.octets.push(precision);
    }
    draft.push_u32(latitude);
    draft.push_u32(longitude);
    draft.push_u32(altitude);
    Ok(())
}

/// Reads `degrees [minutes [seconds]] N` and the like.
fn read_angle(angle: &Angle, source: &mut Source<'_, '_>) -> Result<u32, RdataFault> {
    let mut numbers = Vec::with_capacity(3);
    loop {
        let token = source.take()?;
        let is_positive = token.raw.eq_ignore_ascii_case(angle.positive);
        if is_positive || token.raw.eq_ignore_ascii_case(angle.negative) {
            return sum_angle(angle, &numbers, is_positive).ok_or_else(|| {
                let message = format!(
                    "the {} of LOC must be degrees up to {}, minutes and seconds below 60",
                    angle.name, angle.degrees_max
                );
                RdataFault::new(RdataFaultKind::Number, message).at(&token.range)
            });
        }
        let scale = if numbers.len() == 2 { 3 } else { 0 };
        let number = read_decimals(token.raw, scale).filter(|_| numbers.len() < 3);
        numbers.push(number.ok_or_else(|| {
            let Angle { name, positive, negative, .. } = angle;
            let message = format!(
                "the {name} of LOC is `degrees minutes seconds` and `{positive}` or `{negative}`; `{}` does not fit",
                shown(token.raw)
            );
            RdataFault::new(RdataFaultKind::Number, message)
                .at(&token.range)
                .help("write it like `52 22 23.5 N 4 53 32 E -2m`")
        })?);
    }
}

fn sum_angle(angle: &Angle, numbers: &[i64], is_positive: bool) -> Option<u32> {
    let part = |at: usize| {
        numbers
            .get(at)
            .map_or(Some(0), |&number| u32::try_from(number).ok())
    };
    let (degrees, minutes, thousandths) = (part(0)?, part(1)?, part(2)?);
    if numbers.is_empty() || degrees > angle.degrees_max || minutes > 59 || thousandths > 59_999 {
        return None;
    }
    let sum = degrees * DEGREE + minutes * 60_000 + thousandths;
    if sum > angle.degrees_max * DEGREE {
        return None;
    }
    Some(if is_positive {
        MIDDLE + sum
    } else {
        MIDDLE - sum
    })
}

fn read_centimetres(text: &str) -> Option<i64> {
    let text = text.strip_suffix(['m', 'M']).unwrap_or(text);
    match text.strip_prefix('-') {
        Some(rest) => read_decimals(rest, 2).map(|number| -number),
        None => read_decimals(text, 2),
    }
}

/// Reads a decimal number with up to `scale` decimals, in units of the last one.
fn read_decimals(text: &str, scale: usize) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    let is_sound = !whole.is_empty() && whole.len() <= 10 && part.len() <= scale;
    if !is_sound || !is_number(whole) || !is_number(part) || text.ends_with('.') {
        return None;
    }
    format!("{whole}{part:0<scale$}").parse().ok()
}

/// Packs centimetres as a digit and a power of ten, cutting further digits (RFC 1876, section 2).
fn pack_precision(centimetres: i64) -> Option<u8> {
    let mut digit = u64::try_from(centimetres).ok()?;
    let mut power = 0;
    while digit > 9 {
        digit /= 10;
        power += 1;
    }
    (power <= 9)
        .then(|| u8::try_from(digit << 4 | power).ok())
        .flatten()
}

fn is_precision(octet: u8) -> bool {
    let (digit, power) = (octet >> 4, octet & 15);
    digit <= 9 && power <= 9 && (digit > 0 || power == 0)
}

/// Takes LOC apart: precisions, latitude, longitude, altitude.
fn split(octets: &[u8]) -> Option<([u8; 3], [u32; 3])> {
    let (&[_, size, horizontal, vertical], rest) = octets.split_first_chunk::<4>()?;
    let (latitude, rest) = rest.split_first_chunk::<4>()?;
    let (longitude, rest) = rest.split_first_chunk::<4>()?;
    let altitude = rest.first_chunk::<4>()?;
    let numbers = [latitude, longitude, altitude].map(|octets| u32::from_be_bytes(*octets));
    Some(([size, horizontal, vertical], numbers))
}

/// Measures a LOC field; refuses what has no text form.
pub(super) fn check(rest: &[u8]) -> Result<usize, Flaw> {
    let (precisions, [latitude, longitude, _]) = split(rest).ok_or_else(Flaw::ends_early)?;
    if rest.first() != Some(&0) {
        return Err(Flaw::rule("has a version other than 0"));
    }
    if !precisions.into_iter().all(is_precision) {
        return Err(Flaw::rule(
            "has a size or precision that is no digit and power of ten",
        ));
    }
    let is_within =
        |value: u32, angle: &Angle| value.abs_diff(MIDDLE) <= angle.degrees_max * DEGREE;
    if !is_within(latitude, &LATITUDE) || !is_within(longitude, &LONGITUDE) {
        return Err(Flaw::rule("lies beyond the poles or the antimeridian"));
    }
    Ok(LENGTH)
}

/// Writes a checked location with all its parts.
pub(super) fn text(octets: &[u8]) -> String {
    let Some((precisions, [latitude, longitude, altitude])) = split(octets) else {
        return String::new();
    };
    let mut words = vec![
        angle_text(&LATITUDE, latitude),
        angle_text(&LONGITUDE, longitude),
        metres_text(i64::from(altitude) - ALTITUDE_BASE),
    ];
    for precision in precisions {
        let metres = i64::from(precision >> 4) * 10_i64.pow(u32::from(precision & 15));
        words.push(metres_text(metres));
    }
    words.join(" ")
}

fn angle_text(angle: &Angle, value: u32) -> String {
    let side = if value >= MIDDLE {
        angle.positive
    } else {
        angle.negative
    };
    let size = value.abs_diff(MIDDLE);
    let (degrees, minutes) = (size / DEGREE, size / 60_000 % 60);
    let (seconds, thousandths) = (size / 1_000 % 60, size % 1_000);
    format!("{degrees} {minutes} {seconds}.{thousandths:03} {side}")
}

fn metres_text(centimetres: i64) -> String {
    let sign = if centimetres < 0 { "-" } else { "" };
    let size = centimetres.unsigned_abs();
    format!("{sign}{}.{:02}m", size / 100, size % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_precisions() {
        let cases = [
            ("1m", Some(0x12)),
            ("10000m", Some(0x16)),
            ("0", Some(0)),
            ("0.05", Some(0x50)),
            ("90000000.00m", Some(0x99)),
            ("100000000m", None),
            ("-1m", None),
            ("1.m", None),
            ("1.234m", None),
            ("m", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(
                read_centimetres(text).and_then(pack_precision),
                wanted,
                "{text}"
            );
        }
    }

    #[test]
    fn sums_angles() {
        let cases = [
            (&[0][..], true, Some(MIDDLE)),
            (&[90], true, Some(MIDDLE + 90 * DEGREE)),
            (&[90, 0, 1], true, None),
            (&[52, 22, 23_000], false, Some(MIDDLE - 188_543_000)),
            (&[1, 60], true, None),
            (&[], true, None),
        ];
        for (numbers, is_positive, wanted) in cases {
            assert_eq!(
                sum_angle(&LATITUDE, numbers, is_positive),
                wanted,
                "{numbers:?}"
            );
        }
    }
}
