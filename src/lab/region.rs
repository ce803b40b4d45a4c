//! The lab's map: regions, their loopback addresses, and the zone that names them.
//!
//! In: a port. Out: tables and names. `zones/lab.toml` names the same addresses; a test keeps the two in step.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use super::ports::LabPorts;

/// Apex of the zone that the lab serves.
pub const LAB_ZONE: &str = "lab.example";

/// The zone that ships and that the lab serves, as written.
pub(super) const LAB_ZONE_FILE: &str = include_str!("../../zones/lab.toml");

/// Returns the zone that ships, with its endpoints at a port.
pub fn lab_zone_file(endpoints: u16) -> String {
    let port = |port: u16| format!("port     = {port}\n");
    LAB_ZONE_FILE.replacen(&port(LabPorts::DEFAULT.endpoints()), &port(endpoints), 1)
}

/// Prefixes with their places in the lab, so that `dig +subnet=` shows location policies (RFC 5737 addresses).
pub const LAB_NETWORKS: [(&str, &str); 3] = [
    ("192.0.2.0/24", "NA-US"),
    ("198.51.100.0/24", "EU-DE"),
    ("203.0.113.0/24", "AS-IN"),
];

/// Endpoints of a region.
pub(super) const MEMBERS: usize = 2;

/// A region of the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Region {
    /// us-east, on 127.0.1.1 and 127.0.1.2.
    UsEast,
    /// eu-west, on 127.0.2.1 and 127.0.2.2.
    EuWest,
    /// ap-south, on 127.0.3.1 and 127.0.3.2.
    ApSouth,
}

impl Region {
    /// Every region, in the order of the zone file.
    pub const ALL: [Self; 3] = [Self::UsEast, Self::EuWest, Self::ApSouth];

    /// Returns the name that commands and the zone file use.
    pub const fn id(self) -> &'static str {
        match self {
            Self::UsEast => "us-east",
            Self::EuWest => "eu-west",
            Self::ApSouth => "ap-south",
        }
    }

    /// Returns the loopback addresses of its endpoints.
    pub const fn addresses(self) -> [Ipv4Addr; MEMBERS] {
        let third = self.index() as u8 + 1;
        [
            Ipv4Addr::new(127, 0, third, 1),
            Ipv4Addr::new(127, 0, third, 2),
        ]
    }

    /// Returns its place in [`Region::ALL`].
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// One region or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionSelection {
    /// This region.
    One(Region),
    /// Every region.
    All,
}

impl RegionSelection {
    /// Every selection there is.
    pub const EVERY: [Self; 4] = [
        Self::One(Region::UsEast),
        Self::One(Region::EuWest),
        Self::One(Region::ApSouth),
        Self::All,
    ];

    /// Returns the word that selects it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::One(region) => region.id(),
            Self::All => "all",
        }
    }

    /// Returns the regions selected, in order.
    pub fn regions(self) -> impl Iterator<Item = Region> {
        Region::ALL
            .into_iter()
            .filter(move |region| self == Self::All || self == Self::One(*region))
    }
}

impl fmt::Display for RegionSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for RegionSelection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::EVERY
            .into_iter()
            .find(|selection| selection.word().eq_ignore_ascii_case(text))
            .ok_or_else(|| {
                let words: Vec<_> = Self::EVERY.iter().map(|each| each.word()).collect();
                super::words::unknown_word("region", text, &words)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_that_ships_names_every_endpoint_and_the_port() {
        assert!(LAB_ZONE_FILE.contains(&format!("zone = \"{LAB_ZONE}\"")));
        assert!(!lab_zone_file(9_000).contains("8480"));
        assert!(lab_zone_file(9_000).contains("port     = 9000\n"));
        for region in Region::ALL {
            assert!(LAB_ZONE_FILE.contains(&format!("[pools.{region}]")));
            for address in region.addresses() {
                assert!(
                    LAB_ZONE_FILE.contains(&format!("\"{address}\"")),
                    "{address} of {region}"
                );
            }
        }
    }

    #[test]
    fn every_word_selects_what_it_says() {
        for selection in RegionSelection::EVERY {
            assert_eq!(selection.word().parse(), Ok(selection));
        }
        assert_eq!(RegionSelection::All.regions().count(), Region::ALL.len());
        assert_eq!(
            "eu-wset".parse::<RegionSelection>(),
            Err("no region \"eu-wset\"; did you mean \"eu-west\"?".to_owned())
        );
    }
}
