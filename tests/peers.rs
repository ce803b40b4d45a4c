//! Other software as the judge: name servers, Zonemaster, DNSViz.
//!
//! One program for all of them, because linking each costs more than running it.

#[path = "needs/need.rs"]
mod need;
#[path = "oracle.rs"]
mod oracle;
#[path = "packets.rs"]
mod packets;
#[path = "zonemaster.rs"]
mod zonemaster;
#[path = "support/zones.rs"]
mod zones;
