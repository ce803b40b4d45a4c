//! Where regions are, and how far two points are apart (rule a20, `route53` 2.4 and 2.6).
//!
//! In: a region code or two points. Out: a point or kilometres. Never here: measured latency; distance is distance.

use super::place_code::Coordinates;

/// Radius of the sphere in kilometres (`route53` 2.6.6).
const EARTH_RADIUS_KM: f64 = 6371.0;

/// The regions of Route 53's API model with the point of the city AWS names for each; AWS publishes no coordinates.
#[rustfmt::skip]
static REGIONS: [(&str, f64, f64); 39] = [
    ("af-south-1", -33.9, 18.4),
    ("ap-east-1", 22.3, 114.2),
    ("ap-east-2", 25.0, 121.6),
    ("ap-northeast-1", 35.7, 139.7),
    ("ap-northeast-2", 37.6, 127.0),
    ("ap-northeast-3", 34.7, 135.5),
    ("ap-south-1", 19.1, 72.9),
    ("ap-south-2", 17.4, 78.5),
    ("ap-southeast-1", 1.3, 103.8),
    ("ap-southeast-2", -33.9, 151.2),
    ("ap-southeast-3", -6.2, 106.8),
    ("ap-southeast-4", -37.8, 145.0),
    ("ap-southeast-5", 3.1, 101.7),
    ("ap-southeast-6", -36.8, 174.8),
    ("ap-southeast-7", 13.8, 100.5),
    ("ca-central-1", 45.5, -73.6),
    ("ca-west-1", 51.0, -114.1),
    ("cn-north-1", 39.9, 116.4),
    ("cn-northwest-1", 37.5, 105.2),
    ("eu-central-1", 50.1, 8.7),
    ("eu-central-2", 47.4, 8.5),
    ("eu-north-1", 59.3, 18.1),
    ("eu-south-1", 45.5, 9.2),
    ("eu-south-2", 41.6, -0.9),
    ("eu-west-1", 53.3, -6.3),
    ("eu-west-2", 51.5, -0.1),
    ("eu-west-3", 48.9, 2.4),
    ("eusc-de-east-1", 52.4, 13.1),
    ("il-central-1", 32.1, 34.8),
    ("me-central-1", 24.5, 54.4),
    ("me-south-1", 26.1, 50.6),
    ("mx-central-1", 20.6, -100.4),
    ("sa-east-1", -23.5, -46.6),
    ("us-east-1", 38.9, -77.4),
    ("us-east-2", 40.0, -83.0),
    ("us-gov-east-1", 40.0, -83.0),
    ("us-gov-west-1", 45.8, -119.7),
    ("us-west-1", 37.4, -122.0),
    ("us-west-2", 45.8, -119.7),
];

/// Regions of other clouds that people write by habit, with their points: enough to name the nearest AWS code.
#[rustfmt::skip]
static FOREIGN_REGIONS: [(&str, &str, f64, f64); 46] = [
    ("Google Cloud", "asia-east1", 24.1, 120.5), ("Google Cloud", "asia-east2", 22.3, 114.2),
    ("Google Cloud", "asia-northeast1", 35.7, 139.7), ("Google Cloud", "asia-northeast2", 34.7, 135.5),
    ("Google Cloud", "asia-northeast3", 37.6, 127.0), ("Google Cloud", "asia-south1", 19.1, 72.9),
    ("Google Cloud", "asia-southeast1", 1.3, 103.8), ("Google Cloud", "asia-southeast2", -6.2, 106.8),
    ("Google Cloud", "australia-southeast1", -33.9, 151.2), ("Google Cloud", "europe-central2", 52.2, 21.0),
    ("Google Cloud", "europe-north1", 60.6, 27.2), ("Google Cloud", "europe-southwest1", 40.4, -3.7),
    ("Google Cloud", "europe-west1", 50.4, 3.8), ("Google Cloud", "europe-west2", 51.5, -0.1),
    ("Google Cloud", "europe-west3", 50.1, 8.7), ("Google Cloud", "europe-west4", 53.4, 6.8),
    ("Google Cloud", "europe-west6", 47.4, 8.5), ("Google Cloud", "europe-west8", 45.5, 9.2),
    ("Google Cloud", "europe-west9", 48.9, 2.4), ("Google Cloud", "northamerica-northeast1", 45.5, -73.6),
    ("Google Cloud", "southamerica-east1", -23.5, -46.6), ("Google Cloud", "us-central1", 41.2, -95.9),
    ("Google Cloud", "us-east1", 33.2, -80.0), ("Google Cloud", "us-east4", 39.0, -77.5),
    ("Google Cloud", "us-south1", 32.8, -96.8), ("Google Cloud", "us-west1", 45.6, -121.2),
    ("Google Cloud", "us-west2", 34.1, -118.2),
    ("Azure", "australiaeast", -33.9, 151.2), ("Azure", "brazilsouth", -23.5, -46.6),
    ("Azure", "canadacentral", 43.7, -79.4), ("Azure", "centralindia", 18.6, 73.9),
    ("Azure", "centralus", 41.6, -93.6), ("Azure", "eastasia", 22.3, 114.2),
    ("Azure", "eastus", 37.4, -79.0), ("Azure", "eastus2", 36.7, -78.4),
    ("Azure", "francecentral", 48.9, 2.4), ("Azure", "germanywestcentral", 50.1, 8.7),
    ("Azure", "japaneast", 35.7, 139.8), ("Azure", "northeurope", 53.3, -6.3),
    ("Azure", "southeastasia", 1.3, 103.8), ("Azure", "swedencentral", 60.7, 17.1),
    ("Azure", "switzerlandnorth", 47.4, 8.5), ("Azure", "uksouth", 51.5, -0.1),
    ("Azure", "westeurope", 52.4, 4.9), ("Azure", "westus", 37.8, -122.4),
    ("Azure", "westus2", 47.2, -119.9),
];

/// The point of an AWS region code.
pub fn region_point(code: &str) -> Option<Coordinates> {
    let found = REGIONS.binary_search_by(|(name, _, _)| (*name).cmp(code));
    found.ok().map(|i| point(REGIONS[i].1, REGIONS[i].2))
}

/// The region codes with built-in points, sorted.
pub fn known_regions() -> impl ExactSizeIterator<Item = &'static str> {
    REGIONS.iter().map(|(name, _, _)| *name)
}

/// Says what to write instead of a code that belongs to Google Cloud or Azure; `None` if it looks like neither.
pub fn foreign_region_hint(code: &str) -> Option<String> {
    let found = FOREIGN_REGIONS.iter().find(|(_, name, _, _)| *name == code);
    if let Some((cloud, _, latitude, longitude)) = found {
        let (nearest, km) = nearest_region(point(*latitude, *longitude));
        return Some(format!(
            "{code:?} is a region of {cloud}; write {{ lat = {latitude:.1}, lon = {longitude:.1} }} or the AWS code \
             {nearest:?} ({km:.0} km away)"
        ));
    }
    looks_like_google(code).then(|| {
        format!("{code:?} looks like a Google Cloud region; write its point as {{ lat = ..., lon = ... }}")
    })
}

/// Whether a code has the form of Google Cloud's: an area, a hyphen, and a direction with a digit set close.
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
    for (name, latitude, longitude) in &REGIONS {
        let km = great_circle_km(from, point(*latitude, *longitude));
        if km < nearest.1 {
            nearest = (name, km);
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

const fn point(latitude: f64, longitude: f64) -> Coordinates {
    Coordinates {
        latitude,
        longitude,
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
        let over_the_date_line = great_circle_km(point(0.0, 179.5), point(0.0, -179.5));
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
        (-90.0..=90.0f64, -180.0..=180.0f64).prop_map(|(a, o)| point(a, o))
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
