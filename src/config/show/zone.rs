//! The whole zone: top-level keys, then checks, pools, names, outage tests and planned work, each in written order.

use super::text::{Lines, quote, seconds, ttl};
use super::{checks, names, outage, pools};
use crate::model::ZoneModel;

/// Writes a zone with every default filled in.
pub fn show_zone(model: &ZoneModel) -> String {
    let mut lines = Lines::default();
    lines.set("format", "1");
    lines.set("zone", quote(model.apex.to_string().trim_end_matches('.')));
    lines.set("ttl", ttl(model.ttl));
    show_soa(model, &mut lines);
    for check in &model.checks {
        checks::show_check(model, check, &mut lines);
    }
    for pool in &model.pools {
        pools::show_pool(model, pool, &mut lines);
    }
    for name in &model.names {
        names::show_name(model, name, &mut lines);
    }
    for expect in &model.expects {
        outage::show_expect(model, expect, &mut lines);
    }
    for maintenance in &model.maintenance {
        outage::show_maintenance(maintenance, &mut lines);
    }
    lines.finish()
}

fn show_soa(model: &ZoneModel, lines: &mut Lines) {
    let soa = &model.soa;
    lines.header("soa");
    lines.set("mname", quote(&soa.mname.to_string()));
    lines.set("rname", quote(&soa.rname.to_string()));
    match soa.serial {
        Some(serial) => lines.set("serial", serial.to_string()),
        None => lines.note(
            "serial: the time when the zone's files were written last, in seconds; it never falls.",
        ),
    }
    lines.set("refresh", seconds(soa.refresh));
    lines.set("retry", seconds(soa.retry));
    lines.set("expire", seconds(soa.expire));
    lines.set("ttl", seconds(soa.ttl));
    lines.set("negative-ttl", seconds(soa.negative_ttl));
}
