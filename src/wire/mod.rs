//! DNS messages as bytes: names, types, RDATA, EDNS.
//!
//! In: octets from the network and RDATA as text from zone files. Out: names, numbers and octets. Never here: TTL
//! opinions, lookups, policies. hickory-proto, our codec for rare RDATA, is named in this module only.

mod code;
mod name;
mod rdata;
mod text;

pub use code::{Class, Opcode, Rcode, Rtype};
pub use name::{LABEL_MAX, NAME_MAX, Name, NameFault};
pub use rdata::{
    AutoHints, NameRange, NameRanges, Parsed, RDATA_MAX, RdataFault, RdataFaultKind, STRING_MAX,
    WrittenName, additional_name, check_rdata, parse_rdata, parse_rdata_tokens, rdata_name_ranges,
    rdata_text, split_txt, txt_rdata,
};
pub use text::{Lexeme, PARENTHESES_MAX, TextFault, TextFaultKind, Token, Tokens, push_quoted};
