//! What is wrong with the octets of one field, and the lengths that many fields share.
//!
//! In: octets. Out: a length or a flaw; whoever knows the field makes a fault of it. Never here: fields with rules of their own.

use super::fault::{RdataFault, RdataFaultKind};
use super::layout::{Field, Kind};
use crate::wire::code::Rtype;
use crate::wire::name::Name;

/// Fault of one field; the caller puts the subject before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    kind: RdataFaultKind,
    /// A verb phrase: "ends early".
    says: String,
}

impl Flaw {
    pub(super) fn ends_early() -> Self {
        Self {
            kind: RdataFaultKind::Length,
            says: "ends early".to_owned(),
        }
    }

    pub(super) fn rule(says: impl Into<String>) -> Self {
        Self {
            kind: RdataFaultKind::Rule,
            says: says.into(),
        }
    }

    pub(super) fn into_fault(self, field: &Field, rtype: Rtype) -> RdataFault {
        let message = match field.kind {
            // These fields speak for themselves.
            Kind::Parameters => format!("{rtype}: {}", self.says),
            _ => format!("the {} of {rtype} {}", field.noun(), self.says),
        };
        RdataFault::new(self.kind, message)
    }
}

pub(super) fn fixed(rest: &[u8], length: usize) -> Result<usize, Flaw> {
    if rest.len() < length {
        Err(Flaw::ends_early())
    } else {
        Ok(length)
    }
}

pub(super) fn name_length(rest: &[u8]) -> Result<usize, Flaw> {
    let (_, length) =
        Name::from_wire(rest).map_err(|found| Flaw::rule(format!("is no name: {found}")))?;
    Ok(length)
}
