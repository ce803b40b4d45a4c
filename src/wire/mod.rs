//! DNS messages as bytes: names, types, RDATA, EDNS.
//!
//! In: octets from the network and RDATA as text from zone files. Out: names, numbers and octets. Never here: TTL
//! opinions, lookups, policies. hickory-proto, our codec of client messages, is named in `client` only.

mod additional;
mod client;
mod code;
mod cookie;
mod dots;
mod edns;
mod form;
mod hash;
mod idn;
mod name;
mod octets;
mod query;
mod rdata;
mod text;
mod tsig;
mod walk;

pub use client::{ClientQuery, NoReply, Reply, ReplyRecord};
pub use code::{Class, Opcode, Rcode, Rtype};
pub use cookie::{COOKIE_LEN, CookieSecrets, CookieStanding, SECRET_LEN};
pub use dots::{LostDot, find_lost_dot};
pub use edns::{
    ClientSubnet, CookieSpan, Edns, ExtendedError, NSID_MAX, OPTION_CLIENT_SUBNET, ResponseEdns,
    pad_message,
};
pub use form::{ForeignForm, foreign_form, looks_like_master};
pub use hash::{NameHasher, NameHashing, fold, hash_label, hash_name, hash_root, key_names};
pub use idn::{help_with_ascii, to_ascii_form};
pub use name::{LABEL_MAX, NAME_MAX, Name, NameFault, hash_octets, is_at_or_below};
pub use octets::{FOLDED_LEN, copy_octets, same_octets};
pub use query::{Query, QueryName, Refusal, Unanswerable, parse_query, read_query};
pub use rdata::{
    AutoHints, NameRange, NameRanges, Parsed, RDATA_MAX, RdataFault, RdataFaultKind, STRING_MAX,
    TxtHabit, TxtSlip, WrittenName, additional_name, additional_start, check_rdata, fill_hints,
    find_text_habit, hints_left_open, holds_raw_text, open_hints, parse_rdata, parse_rdata_tokens,
    rdata_name_ranges, rdata_text, rdata_text_naming, read_seconds, split_txt, txt_rdata,
    without_open_hints, written_text,
};
pub use text::{Lexeme, PARENTHESES_MAX, TextFault, TextFaultKind, Token, Tokens, push_quoted};
pub use tsig::write_bad_key;
pub use walk::{HEADER_LEN, LABELS_MAX};
