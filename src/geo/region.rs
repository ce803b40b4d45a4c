//! Regions of clouds with their points, and distances between points (rule a20, `route53` 2.4 and 2.6).
//!
//! In: a region code or two points. Out: a point or kilometres. Never here: measured latency; distance is distance.

use std::sync::LazyLock;

use super::built_in::{point, rows};
use super::continent::Coordinates;

/// Radius of the sphere in kilometres (`route53` 2.6.6).
const EARTH_RADIUS_KM: f64 = 6371.0;

/// A region of a cloud.
struct Region {
    cloud: &'static str,
    code: &'static str,
    point: Coordinates,
}

/// Regions of AWS sorted by code, then those of other clouds; read once, at the first use.
static REGIONS: LazyLock<Box<[Region]>> = LazyLock::new(|| {
    let read = |[cloud, code, latitude, longitude]: [&'static str; 4]| Region {
        cloud,
        code,
        point: point(latitude, longitude),
    };
    rows(include_str!("data/regions.tsv")).map(read).collect()
});

/// Returns the regions of AWS, and those of other clouds.
fn regions() -> (&'static [Region], &'static [Region]) {
    REGIONS.split_at(REGIONS.partition_point(|region| region.cloud == "AWS"))
}

/// The point of an AWS region code.
pub fn region_point(code: &str) -> Option<Coordinates> {
    let (known, _) = regions();
    let found = known.binary_search_by(|region| region.code.cmp(code));
    found.ok().map(|i| known[i].point)
}

/// The region codes with built-in points, sorted.
pub fn known_regions() -> impl ExactSizeIterator<Item = &'static str> {
    regions().0.iter().map(|region| region.code)
}

/// Returns advice on a code that belongs to Google Cloud or Azure; `None` if it looks like neither.
pub fn foreign_region_hint(code: &str) -> Option<String> {
    if let Some(region) = regions().1.iter().find(|region| region.code == code) {
        let (nearest, km) = nearest_region(region.point);
        let (cloud, at) = (region.cloud, region.point);
        return Some(format!(
            "{code:?} is a region of {cloud}; write {{ lat = {:.1}, lon = {:.1} }} or the AWS code {nearest:?} ({km:.0} km \
             away)",
            at.latitude, at.longitude
        ));
    }
    looks_like_google(code).then(|| {
        format!("{code:?} looks like a Google Cloud region; write its point as {{ lat = ..., lon = ... }}")
    })
}

/// Returns whether a code has the form of Google Cloud's: an area, a hyphen, and a direction with a digit set close.
fn looks_like_google(code: &str) -> bool {
    const AREAS: [&str; 9] = [
        "africa",
        "asia",
        "australia",
        "europe",
        "me",
        "northamerica",
        "southamerica",
        "us",
        "ca",
    ];
    let Some((area, rest)) = code.split_once('-') else {
        return false;
    };
    let direction = rest.trim_end_matches(|c: char| c.is_ascii_digit());
    AREAS.contains(&area)
        && direction.len() < rest.len()
        && !direction.is_empty()
        && direction.bytes().all(|b| b.is_ascii_lowercase())
}

/// The AWS region nearest to a point, and how far it is; of equal ones the first in the order of the codes.
fn nearest_region(from: Coordinates) -> (&'static str, f64) {
    let mut nearest = ("", f64::INFINITY);
    for region in regions().0 {
        let km = great_circle_km(from, region.point);
        if km < nearest.1 {
            nearest = (region.code, km);
        }
    }
    nearest
}

/// Distance over a sphere of 6371 km by the haversine formula (`route53` 2.6.6).
pub fn great_circle_km(a: Coordinates, b: Coordinates) -> f64 {
    let (from, to) = (a.latitude.to_radians(), b.latitude.to_radians());
    let north = ((to - from) / 2.0).sin();
    let east = ((b.longitude - a.longitude).to_radians() / 2.0).sin();
    let h = north * north + from.cos() * to.cos() * east * east;
    2.0 * EARTH_RADIUS_KM * h.clamp(0.0, 1.0).sqrt().asin()
}

/// A distance as a bias makes it, -99 to 99: positive shrinks it, negative stretches it (`route53` 2.6.4).
///
/// A bias outside the bounds counts as the bound.
pub fn biased(km: f64, bias: i8) -> f64 {
    let share = f64::from(bias.clamp(-99, 99)) / 100.0;
    if share >= 0.0 {
        km * (1.0 - share)
    } else {
        km / (1.0 + share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_region_is_found_by_its_code() {
        let codes: Vec<_> = known_regions().collect();
        assert!(codes.is_sorted());
        assert_eq!(codes.len(), 39);
        for code in codes {
            assert!(region_point(code).is_some(), "{code}");
        }
        assert!(region_point("us-central1").is_none());
        assert_eq!(regions().1.len(), 46);
    }

    #[test]
    fn codes_of_other_clouds_draw_a_hint_with_the_nearest_region() {
        let cases = [
            ("us-central1", Some("us-east-2")),
            ("europe-west3", Some("eu-central-1")),
            ("westeurope", Some("eu-west-2")),
            ("asia-east9", Some("{ lat")),
            ("us-east-9", None),
            ("fra", None),
            ("us-", None),
        ];
        for (code, wanted) in cases {
            let hint = foreign_region_hint(code);
            match (&hint, wanted) {
                (Some(hint), Some(wanted)) => assert!(hint.contains(wanted), "{hint}"),
                (None, None) => {}
                _ => panic!("{code}: {hint:?}"),
            }
        }
    }

    #[test]
    fn distances_are_known_ones() {
        let at = |code| region_point(code).expect("a region");
        let cases = [
            ("eu-west-2", "us-east-1", 5900.0),
            ("ap-northeast-1", "us-west-1", 8300.0),
            ("ap-southeast-6", "sa-east-1", 12_000.0),
            ("eu-central-1", "eu-central-1", 0.0),
        ];
        for (a, b, wanted) in cases {
            let km = great_circle_km(at(a), at(b));
            assert!((km - wanted).abs() < 150.0, "{a} to {b}: {km}");
        }
        let over_the_date_line = great_circle_km(point("0", "179.5"), point("0", "-179.5"));
        assert!((over_the_date_line - 111.19).abs() < 0.1);
    }

    #[test]
    fn bias_shrinks_and_stretches() {
        let cases = [
            (150.0, 50, 75.0),
            (100.0, 0, 100.0),
            (100.0, -50, 200.0),
            (10.0, -99, 1000.0),
            (100.0, 99, 1.0),
        ];
        for (km, bias, wanted) in cases {
            assert!((biased(km, bias) - wanted).abs() < 1e-6, "{km} at {bias}");
        }
    }

    fn any_point() -> impl Strategy<Value = Coordinates> {
        (-90.0..=90.0f64, -180.0..=180.0f64).prop_map(|(latitude, longitude)| Coordinates {
            latitude,
            longitude,
        })
    }

    proptest! {
        #[test]
        fn distance_is_symmetric_and_bounded(a in any_point(), b in any_point()) {
            let there = great_circle_km(a, b);
            prop_assert!((there - great_circle_km(b, a)).abs() < 1e-6);
            prop_assert!((0.0..=20_016.0).contains(&there));
        }
    }
}
