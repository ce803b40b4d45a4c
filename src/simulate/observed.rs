//! A question that was asked lately, with its weight; as JSON `{"name", "type", "from", "weight"}`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::wire::{Name, Rtype};

use super::explanation::GivenClient;
use super::survey::Asking;

/// A question that was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Name.
    pub name: Name,
    /// Type.
    pub rtype: Rtype,
    /// Client that asked.
    pub client: GivenClient,
    /// Number of questions that it stands for.
    pub weight: f64,
}

/// JSON form of an [`Observed`].
#[derive(Serialize, Deserialize)]
struct Row {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    from: Option<String>,
    weight: f64,
}

impl Serialize for Observed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let from = match self.client {
            GivenClient::Unknown => None,
            GivenClient::Place(place) => Some(place.to_string()),
            GivenClient::Address(address) => Some(address.to_string()),
            GivenClient::Subnet(prefix) => Some(prefix.to_string()),
        };
        let row = Row {
            name: self.name.to_string(),
            rtype: self.rtype.to_string(),
            from,
            weight: self.weight,
        };
        row.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Observed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let row = Row::deserialize(deserializer)?;
        let client = row.from.as_deref().map(Asking::parse).transpose();
        Ok(Self {
            name: Name::parse_absolute(&row.name).map_err(D::Error::custom)?,
            rtype: Rtype::parse(&row.rtype).ok_or_else(|| D::Error::custom("no record type"))?,
            client: client
                .map_err(D::Error::custom)?
                .map_or(GivenClient::Unknown, |asking| asking.client),
            weight: row.weight,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_writes() {
        for from in ["192.0.2.1", "2001:db8::/56", "EU-DE", ""] {
            let query = Observed {
                name: Name::parse_absolute("a\\.b.example").expect("a name"),
                rtype: Rtype(65_280),
                client: Asking::parse(from).map_or(GivenClient::Unknown, |asking| asking.client),
                weight: 1.5,
            };
            let text = serde_json::to_string(&query).expect("JSON");
            let read: Observed = serde_json::from_str(&text).expect("the same");
            assert_eq!(read, query, "{text}");
        }
    }
}
