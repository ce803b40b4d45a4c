//! Values of the network that several rooms read: address prefixes, validity and names of certificates.
//!
//! In: text, octets. Out: values that cannot be wrong, or why there is none. Never here: sockets; what a value is used
//! for; sentences for operators.

mod certificate;
mod prefix;

pub use certificate::{CertificateNames, Validity, read_names, read_validity};
pub use prefix::{PrefixFault, parse_prefix};
