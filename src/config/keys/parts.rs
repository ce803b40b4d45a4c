//! Keys of the small tables that values of other keys may be.

use super::key::KeyGroup::{
    Degraded, Failback, Failover, Point, Record, RecordSet, Sticky, Timeout, Ttl,
};
use super::key::KeyKind::{Defined, Duration, Integer, Percent, Text};
use super::key::{TEXT, ZoneKey, key};

/// Tables within values.
pub(super) const PART_KEYS: &[ZoneKey] = &[
    key(
        Ttl,
        "min",
        Duration(0, 604_800_000),
        "required",
        "Shortest TTL, sent when the answer is about to change.",
    ),
    key(
        Ttl,
        "max",
        Duration(0, 604_800_000),
        "required",
        "Longest TTL.",
    ),
    key(
        Timeout,
        "connect",
        Duration(10, 60_000),
        "required",
        "Limit of connecting, TLS included, {min} to {max}.",
    ),
    key(
        Timeout,
        "response",
        Duration(10, 60_000),
        "required",
        "Limit from then until status line and headers are read, {min} to {max}.",
    ),
    key(
        Timeout,
        "body",
        Duration(10, 60_000),
        "required",
        "Limit from then until the needed part of the body is read, {min} to {max}.",
    ),
    key(
        Degraded,
        "latency",
        Duration(1, 60_000),
        "this or `failures`",
        "90th percentile above which a target is slow, {min} to {max}.",
    ),
    key(
        Degraded,
        "failures",
        Percent(0, 100),
        "this or `latency`",
        "Share of failures above which a target is lossy.",
    ),
    key(
        Degraded,
        "weight",
        Percent(0, 100),
        "\"25%\"",
        "Share of its weight that a member keeps.",
    ),
    key(
        Point,
        "lat",
        Defined("latitude"),
        "required",
        "Degrees north, -90 to 90.",
    ),
    key(
        Point,
        "lon",
        Defined("longitude"),
        "required",
        "Degrees east, -180 to 180.",
    ),
    key(
        Failover,
        "primary",
        Defined("branch"),
        "required",
        "The first tier.",
    ),
    key(
        Failover,
        "secondary",
        Defined("branch"),
        "required",
        "The second tier.",
    ),
    key(
        Failback,
        "after",
        Duration(1_000, 31_536_000_000),
        "this or `window`",
        "Health without a break after which the earlier tier is used again, {min} to {max}.",
    ),
    key(
        Failback,
        "window",
        Text(TEXT),
        "this or `after`",
        "Days and times in UTC at which it is used again.",
    ),
    key(
        Sticky,
        "ipv4",
        Integer(1, 32),
        "24",
        "Prefix length of IPv4 clients, {min} to {max}.",
    ),
    key(
        Sticky,
        "ipv6",
        Integer(1, 128),
        "56",
        "Prefix length of IPv6 clients, {min} to {max}.",
    ),
    key(
        RecordSet,
        "data",
        Defined("recordList"),
        "required",
        "A record or a list of them.",
    ),
    key(
        RecordSet,
        "ttl",
        Duration(0, 2_147_483_647_000),
        "the name's",
        "TTL of these records, at most 2147483647 seconds.",
    ),
    key(
        RecordSet,
        "check",
        Defined("check"),
        "none",
        "Must hold for each record.",
    ),
    key(
        Record,
        "data",
        Defined("texts"),
        "required",
        "RDATA as in a master file, or texts.",
    ),
    key(
        Record,
        "check",
        Defined("check"),
        "none",
        "Must hold for this record.",
    ),
];
