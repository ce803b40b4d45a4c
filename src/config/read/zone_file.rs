//! One zone file from text to model.
//!
//! In: a [`Source`]. Out: the model and all findings. Never here: the rules of single tables.

use std::collections::HashSet;

use super::checks::read_check;
use super::expects::{read_expects, read_maintenance};
use super::faults::Faults;
use super::index::{index_checks, index_names, index_pools};
use super::names::read_name;
use super::pools::read_pool;
use super::reader::{Index, Item, Reader};
use super::syntax::parse;
use super::table::{Entry, Table, Value};
use super::{check_rules, links, reference_rules, zone_rules};
use crate::config::diagnostic::{Diagnostic, Files, Source};
use crate::config::model::{
    CheckKind, CheckModel, MinHealthy, NameModel, PoolBody, PoolModel, ProbeOverride, SoaModel,
    Span, TtlModel, ZoneModel,
};
use crate::wire::{Name, Rtype};

/// Default TTL of a zone (zone format, section 2).
const TTL_DEFAULT: TtlModel = TtlModel { min: 60, max: 60 };
/// Defaults of `[soa]` in seconds (zone format, section 2).
const REFRESH_DEFAULT: u32 = 2 * 3600;
const RETRY_DEFAULT: u32 = 15 * 60;
const EXPIRE_DEFAULT: u32 = 14 * 86_400;
const SOA_TTL_DEFAULT: u32 = 15 * 60;
const NEGATIVE_TTL_DEFAULT: u32 = 30;
/// Longest time in `[soa]`, 30 days.
const SOA_TIME_MAX: u64 = 30 * 86_400;
/// Longest negative TTL, one day.
const NEGATIVE_TTL_MAX: u64 = 86_400;

const TOP_KEYS: &[&str] = &[
    "format",
    "zone",
    "ttl",
    "soa",
    "checks",
    "pools",
    "names",
    "expect",
    "maintenance",
];

/// Reads a zone file: the model is `None` if anything in it is at fault. All findings come at once.
pub fn read_zone(source: &Source, files: &dyn Files) -> (Option<ZoneModel>, Vec<Diagnostic>) {
    let mut faults = Faults::new(source);
    let Some(root) = parse(&mut faults) else {
        return (None, faults.into_list());
    };
    let table = Table::new(root.get_ref(), 0..0, "");
    let (model, faults) = read_root(source, files, faults, table);
    let model = (!faults.has_fault()).then_some(model);
    (model, faults.into_list())
}

fn read_root<'s>(
    source: &'s Source,
    files: &'s dyn Files,
    mut faults: Faults<'s>,
    mut table: Table<'_>,
) -> (ZoneModel, Faults<'s>) {
    if let Some(value) = table.take_value("format") {
        faults.integer(&value, 1, 1);
    }
    let apex = read_apex(&mut faults, &mut table);
    let is_known = apex.is_some();
    let mut reader = Reader {
        faults,
        files,
        // Without a zone name the rest is still judged, below the root.
        apex: apex.unwrap_or_else(Name::root),
        index: Index::default(),
        edges: Vec::new(),
        check_uses: Vec::new(),
        name_uses: Vec::new(),
        located: HashSet::new(),
        anonymous: Vec::new(),
        current: Item::Name(usize::MAX),
    };
    let model = read_sections(&mut reader, source, table);
    let is_free = links::judge(&mut reader);
    if is_free {
        check_rules::judge(&mut reader, &model);
        if is_known {
            zone_rules::judge(&mut reader, &model);
            reference_rules::judge(&mut reader, &model);
        }
    }
    (model, reader.faults)
}

fn read_apex(faults: &mut Faults<'_>, table: &mut Table<'_>) -> Option<Name> {
    let value = table.require(
        "zone",
        "say which zone it is: `zone = \"example.com\"`",
        faults,
    )?;
    let text = faults.text(&value)?;
    let (message, help) = match Name::parse_absolute(text) {
        Ok(name) if name.is_wildcard() => (
            "a zone cannot be a wildcard".to_owned(),
            "write the wildcard as a name: `\"*\" = ...` under `[names]`",
        ),
        Ok(name) => return Some(name),
        Err(fault) => (
            format!("`{text}` is no domain name: {fault}"),
            "write it with or without a dot at the end: `zone = \"example.com\"`",
        ),
    };
    faults.push(
        Diagnostic::fault("L020", value.span(), &value.path, message)
            .label("not the name of a zone")
            .help(help),
    );
    None
}

fn read_sections(reader: &mut Reader<'_>, source: &Source, mut table: Table<'_>) -> ZoneModel {
    let ttl = table
        .take_value("ttl")
        .and_then(|value| reader.faults.ttl(&value))
        .unwrap_or(TTL_DEFAULT);
    let check_entries = table
        .take_value("checks")
        .map(|value| index_checks(reader, &value))
        .unwrap_or_default();
    let pool_entries = table
        .take_value("pools")
        .map(|value| index_pools(reader, &value))
        .unwrap_or_default();
    let names_value = table.take_value("names");
    let name_entries = names_value
        .as_ref()
        .map(|value| index_names(reader, value))
        .unwrap_or_default();
    let soa = table.take_value("soa");
    let (expect, maintenance) = (table.take_value("expect"), table.take_value("maintenance"));
    table.finish("a zone file", TOP_KEYS, &mut reader.faults);

    let (checks, mut pools, names) =
        read_items(reader, &check_entries, &pool_entries, &name_entries);
    reader.current = Item::Name(usize::MAX);
    let soa = read_soa(reader, soa);
    let expects = expect
        .map(|value| read_expects(reader, &value))
        .unwrap_or_default();
    let maintenance = maintenance
        .map(|value| read_maintenance(reader, &value))
        .unwrap_or_default();

    pools.append(&mut reader.anonymous);
    let (mname, soa) = soa;
    let apex_ns = names
        .iter()
        .find(|name| name.owner == reader.apex)
        .and_then(|name| name.rrsets.iter().find(|rrset| rrset.rtype == Rtype::NS))
        .and_then(|rrset| rrset.rdata.first())
        .and_then(|rdata| Name::from_wire(rdata).ok())
        .map(|(name, _)| name);
    ZoneModel {
        file: source.path.clone(),
        apex: reader.apex.clone(),
        ttl,
        soa: SoaModel {
            mname: mname.or(apex_ns).unwrap_or_else(|| reader.apex.clone()),
            ..soa
        },
        checks,
        pools,
        names,
        expects,
        maintenance,
    }
}

/// Reads every check, pool and name.
fn read_items(
    reader: &mut Reader<'_>,
    check_entries: &[Entry<'_>],
    pool_entries: &[Entry<'_>],
    name_entries: &[Entry<'_>],
) -> (Vec<CheckModel>, Vec<PoolModel>, Vec<NameModel>) {
    let mut checks = Vec::with_capacity(check_entries.len());
    for (i, entry) in check_entries.iter().enumerate() {
        reader.current = Item::Check(i);
        let check = read_check(reader, entry);
        checks.push(check.unwrap_or_else(|| broken_check(entry)));
    }
    let mut pools = Vec::with_capacity(pool_entries.len());
    for (i, entry) in pool_entries.iter().enumerate() {
        reader.current = Item::Pool(i);
        let pool = read_pool(reader, entry, i);
        pools.push(pool.unwrap_or_else(|| broken_pool(entry)));
    }
    let mut names = Vec::with_capacity(name_entries.len());
    for (i, entry) in name_entries.iter().enumerate() {
        reader.current = Item::Name(i);
        let owner = reader.index.names[i].owner.clone();
        names.push(read_name(reader, entry, owner));
    }
    (checks, pools, names)
}

/// Stands for a check at fault, so that the rest can still be judged; such a model is never handed out.
fn broken_check(entry: &Entry<'_>) -> CheckModel {
    CheckModel {
        id: entry.key.to_owned(),
        kind: CheckKind::Manual { on: true },
        invert: false,
        disabled: false,
        unknown_is_healthy: true,
        span: entry.key_span(),
    }
}

/// Stands for a pool at fault, so that the rest can still be judged; such a model is never handed out.
fn broken_pool(entry: &Entry<'_>) -> PoolModel {
    PoolModel {
        id: entry.key.to_owned(),
        body: PoolBody::Members(Vec::new()),
        checks: Vec::new(),
        probe: ProbeOverride::default(),
        location: None,
        site: entry.key.to_owned(),
        min_healthy: MinHealthy::Count(1),
        ttl: None,
        answers: None,
        families: None,
        span: entry.key_span(),
    }
}

/// Reads `[soa]`; `mname` is apart because its default is the first NS of the apex.
fn read_soa(reader: &mut Reader<'_>, value: Option<Value<'_>>) -> (Option<Name>, SoaModel) {
    let hostmaster = reader
        .apex
        .child(b"hostmaster")
        .unwrap_or_else(|_| reader.apex.clone());
    let mut soa = SoaModel {
        mname: reader.apex.clone(),
        rname: hostmaster,
        serial: None,
        refresh: REFRESH_DEFAULT,
        retry: RETRY_DEFAULT,
        expire: EXPIRE_DEFAULT,
        ttl: SOA_TTL_DEFAULT,
        negative_ttl: NEGATIVE_TTL_DEFAULT,
    };
    let Some(value) = value else {
        return (None, soa);
    };
    let Some(mut table) = value.as_table() else {
        reader.faults.wrong_type(&value, "a table: `[soa]`");
        return (None, soa);
    };
    let mname = table
        .take_value("mname")
        .and_then(|value| reader.rdata_name(&value));
    if let Some(value) = table.take_value("rname")
        && let Some(rname) = read_rname(reader, &value)
    {
        soa.rname = rname;
    }
    soa.serial = table
        .take_value("serial")
        .and_then(|value| reader.faults.number(&value, 1, i64::from(u32::MAX)));
    let mut time = |key: &str, default: u32, min: u64, max: u64| {
        table
            .take_value(key)
            .and_then(|value| reader.faults.seconds(&value, min, max))
            .unwrap_or(default)
    };
    soa.refresh = time("refresh", REFRESH_DEFAULT, 1, SOA_TIME_MAX);
    soa.retry = time("retry", RETRY_DEFAULT, 1, SOA_TIME_MAX);
    soa.expire = time("expire", EXPIRE_DEFAULT, 1, SOA_TIME_MAX);
    soa.ttl = time("ttl", SOA_TTL_DEFAULT, 1, SOA_TIME_MAX);
    soa.negative_ttl = time("negative-ttl", NEGATIVE_TTL_DEFAULT, 0, NEGATIVE_TTL_MAX);
    table.finish(
        "`[soa]`",
        &[
            "mname",
            "rname",
            "serial",
            "refresh",
            "retry",
            "expire",
            "ttl",
            "negative-ttl",
        ],
        &mut reader.faults,
    );
    (mname, soa)
}

/// Reads `rname`: a name, or a mailbox with `@` whose local part becomes one label (RFC 1035, section 8; rule a7).
fn read_rname(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Name> {
    let text = reader.faults.text(value)?;
    let Some((local, domain)) = text.split_once('@').filter(|_| text != "@") else {
        return reader.rdata_name(value);
    };
    let name = Name::parse_absolute(domain).and_then(|domain| domain.child(local.as_bytes()));
    match name {
        Ok(name) => Some(name),
        Err(fault) => {
            reader.faults.push(
                Diagnostic::fault(
                    "L020",
                    Span(value.range.clone()),
                    &value.path,
                    format!("`{text}` is no mailbox: {fault}"),
                )
                .label("not a mailbox"),
            );
            None
        }
    }
}
