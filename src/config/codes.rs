//! The codes of the zone reader.
//!
//! In: nothing. Out: each code with its title. Never here: what leads to one. A code is stable: scripts may rely on it, and
//! `tests/faults/` holds one minimal zone for each.

/// Every code of the reader with a title of one line, in order.
pub const CODES: &[(&str, &str)] = &[
    ("L001", "the file is not valid TOML"),
    ("L002", "a key must be quoted"),
    ("L003", "a key or table is written twice"),
    ("L004", "an unquoted dot splits a name"),
    (
        "L005",
        "an option stands under a table header it does not belong to",
    ),
    ("L006", "unknown key"),
    ("L007", "wrong type of value"),
    ("L008", "a required key is missing"),
    ("L009", "unknown word"),
    ("L010", "a number is out of bounds"),
    ("L011", "not a duration"),
    ("L012", "a duration is out of bounds"),
    ("L013", "not a percentage in bounds"),
    ("L014", "not a date-time with offset"),
    ("L015", "too many items"),
    ("L016", "a list or table is empty"),
    ("L017", "not an id"),
    ("L018", "a reserved word as id"),
    ("L019", "keys that exclude each other"),
    ("L020", "not a domain name"),
    ("L021", "an owner name outside the zone"),
    ("L022", "one owner name under two keys"),
    ("L023", "unknown check"),
    ("L024", "unknown pool"),
    ("L025", "unknown name"),
    ("L026", "unknown switch"),
    ("L027", "a node without a policy"),
    ("L028", "a node with two policies"),
    (
        "L029",
        "text that is too long or has characters that cannot be sent",
    ),
    ("L030", "a key that does not belong here"),
    ("L031", "an https check without a host to verify"),
    ("L032", "a timeout longer than the interval"),
    ("L033", "a recipe where only a gate can stand"),
    ("L034", "a cycle of references"),
    ("L035", "policies nested too deep"),
    ("L036", "not a regular expression"),
    ("L037", "a check without a port"),
    ("L038", "bounds of a switch panel contradict each other"),
    ("L039", "health that depends on the client used as a gate"),
    ("L040", "a file named by the zone cannot be read"),
    ("L041", "members of different kinds in one pool"),
    ("L042", "a member twice"),
    ("L043", "min-healthy above the number of members"),
    ("L044", "a pool with members and a policy, or with neither"),
    ("L045", "weights that have no effect"),
    ("L046", "a branch twice"),
    ("L047", "a failover list of one"),
    ("L048", "multivalue over something else than plain pools"),
    ("L049", "a record type that cannot be a member"),
    ("L050", "not a place"),
    ("L051", "a place twice"),
    ("L052", "a continent code among countries"),
    ("L053", "no default for other clients"),
    ("L054", "not a prefix"),
    ("L055", "a prefix twice"),
    (
        "L056",
        "a prefix shadowed by a wider one with the same branch",
    ),
    ("L057", "not a region"),
    ("L058", "no location"),
    ("L059", "a region twice"),
    ("L060", "a TTL of zero"),
    ("L061", "not valid RDATA"),
    ("L062", "a record type that cannot be written here"),
    ("L063", "CNAME beside other data"),
    ("L064", "a static type beside a policy that answers it"),
    ("L065", "no NS at the apex"),
    ("L066", "data at or below a zone cut"),
    ("L067", "missing glue"),
    ("L068", "a relative name that leads nowhere"),
    ("L069", "a missing name"),
    ("L070", "address records with checks of their own"),
    ("L071", "a record twice"),
    ("L072", "a reference to a name that cannot be referred to"),
    ("L073", "a calculated check that can never hold"),
    ("L074", "not a table of times"),
    ("L075", "a table of times that names no branch"),
    ("L076", "text that is served otherwise than meant"),
    ("L077", "an owner that looks absolute"),
    ("L080", "a reference that matches nothing"),
    ("L081", "a period that ends before it starts"),
    ("L082", "an expectation that demands nothing"),
    ("L099", "more findings than are shown"),
];

/// Returns the title of a code.
pub fn code_title(code: &str) -> Option<&'static str> {
    CODES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, title)| *title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(code_title("L065"), Some("no NS at the apex"));
        assert_eq!(code_title("X"), None);
    }
}
