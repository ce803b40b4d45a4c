//! Values of the network that several rooms read: address prefixes.
//!
//! In: text. Out: values that cannot be wrong, or why there is none. Never here: sockets; what a value is used for;
//! sentences for operators.

mod prefix;

pub use prefix::{PrefixFault, parse_prefix};
