//! One zone file from text to model.
//!
//! In: a [`Source`]. Out: the model and all findings. Never here: the rules of single tables.

use std::collections::HashSet;
use std::sync::Arc;

use super::checks::read_check;
use super::expects::{read_expects, read_maintenance};
use super::index::{NameSource, index_checks, index_names, index_pools};
use super::known::{Key, finish, number};
use super::names::read_name;
use super::plain::{PlainLine, PlainLines};
use super::plain_names::{NotPlain, read_plain_name};
use super::pools::read_pool;
use super::reader::{Index, Item, Reader};
use super::soa::read_soa;
use super::{check_rules, links, reference_rules, zone_rules};
use crate::config::Files;
use crate::config::keys::KeyGroup;
use crate::config::syntax::{parse, parse_rest};
use crate::config::values::Faults;
use crate::config::values::{Entry, Table};
use crate::diagnostic::{Diagnostic, Source};
use crate::model::{
    CheckKind, CheckModel, MinHealthy, NameModel, PoolBody, PoolModel, ProbeOverride, SoaModel,
    TtlModel, ZoneModel,
};
use crate::wire::{Name, Rtype};

/// Default TTL of a zone (zone format, section 2).
const TTL_DEFAULT: TtlModel = TtlModel { min: 60, max: 60 };
/// Reads a zone file: the model is `None` if anything in it is at fault. All findings come at once.
pub fn read_zone(source: &Source, files: &dyn Files) -> (Option<ZoneModel>, Vec<Diagnostic>) {
    PlainLines::find(&source.text)
        .and_then(|plain| read_with_plain(source, files, &plain).ok())
        .unwrap_or_else(|| read_through_parser(source, files))
}

/// Reads plain lines by themselves and the rest through the parser.
pub(super) fn read_with_plain(
    source: &Source,
    files: &dyn Files,
    plain: &PlainLines<'_>,
) -> Result<(Option<ZoneModel>, Vec<Diagnostic>), NotPlain> {
    let root = parse_rest(&plain.rest)?;
    let table = Table::new(root.get_ref(), 0..0, "");
    let faults = Faults::new(source, &[]);
    read_root(source, files, faults, table, Some(plain)).map(conclude)
}

/// Reads the whole file through the parser.
pub(super) fn read_through_parser(
    source: &Source,
    files: &dyn Files,
) -> (Option<ZoneModel>, Vec<Diagnostic>) {
    let mut faults = Faults::new(source, &[]);
    let Some(root) = parse(&mut faults) else {
        return (None, faults.into_list());
    };
    let table = Table::new(root.get_ref(), 0..0, "");
    match read_root(source, files, faults, table, None) {
        Ok(found) => conclude(found),
        Err(NotPlain) => unreachable!("only plain lines are not plain"),
    }
}

fn conclude((model, faults): (ZoneModel, Faults<'_>)) -> (Option<ZoneModel>, Vec<Diagnostic>) {
    let model = (!faults.has_fault()).then_some(model);
    (model, faults.into_list())
}

fn read_root<'s>(
    source: &'s Source,
    files: &'s dyn Files,
    mut faults: Faults<'s>,
    mut table: Table<'_>,
    plain: Option<&PlainLines<'_>>,
) -> Result<(ZoneModel, Faults<'s>), NotPlain> {
    if let Some(value) = table.take_value("format") {
        number::<u8>(&value, Key(KeyGroup::Top, "format", ""), &mut faults);
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
        no_options: Arc::default(),
    };
    let model = read_sections(&mut reader, source, table, plain)?;
    let is_free = links::validate(&mut reader);
    if is_free {
        check_rules::validate(&mut reader, &model);
        if is_known {
            zone_rules::validate(&mut reader, &model);
            reference_rules::validate(&mut reader, &model);
        }
    }
    Ok((model, reader.faults))
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
            "write the wildcard as a name: `\"*\" = ...` under `[names]`".to_owned(),
        ),
        Ok(name) => return Some(name),
        Err(fault) => {
            let either = "write it with or without a dot at the end: `zone = \"example.com\"`";
            let help = fault.help(text).unwrap_or_else(|| either.to_owned());
            (format!("`{text}` is no domain name: {fault}"), help)
        }
    };
    faults.push(
        Diagnostic::fault("L020", value.span(), &value.path, message)
            .label("not the name of a zone")
            .help(help),
    );
    None
}

fn read_sections(
    reader: &mut Reader<'_>,
    source: &Source,
    mut table: Table<'_>,
    plain: Option<&PlainLines<'_>>,
) -> Result<ZoneModel, NotPlain> {
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
    let name_sources = index_names(reader, names_value.as_ref(), plain)?;
    let soa = table.take_value("soa");
    let (expect, maintenance) = (table.take_value("expect"), table.take_value("maintenance"));
    finish(
        table,
        "a zone file",
        (&[KeyGroup::Top], &[]),
        &mut reader.faults,
    );

    let (checks, mut pools) = read_items(reader, &check_entries, &pool_entries);
    let names = read_names(reader, name_sources, plain)?;
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
    Ok(ZoneModel {
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
    })
}

/// Reads every check and pool.
fn read_items(
    reader: &mut Reader<'_>,
    check_entries: &[Entry<'_>],
    pool_entries: &[Entry<'_>],
) -> (Vec<CheckModel>, Vec<PoolModel>) {
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
    (checks, pools)
}

/// Reads every name.
fn read_names(
    reader: &mut Reader<'_>,
    sources: Vec<NameSource<'_>>,
    plain: Option<&PlainLines<'_>>,
) -> Result<Vec<NameModel>, NotPlain> {
    let mut names = Vec::with_capacity(sources.len());
    let mut line = PlainLine::default();
    for (i, source) in sources.into_iter().enumerate() {
        reader.current = Item::Name(i);
        let owner = reader.index.names[i].owner.clone();
        names.push(match source {
            NameSource::Entry(entry) => read_name(reader, &entry, owner),
            NameSource::Plain(name) => {
                let span = reader.index.names[i].span.clone();
                let lines = plain.ok_or(NotPlain)?;
                read_plain_name(reader, lines, name, &mut line, owner, span)?
            }
        });
    }
    Ok(names)
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
        capacity_percent: None,
        ramp: std::time::Duration::ZERO,
        ttl: None,
        answers: None,
        families: None,
        span: entry.key_span(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::diagnostic::render_text;
    use crate::health::{ProbeKind, Timeout};
    use crate::model::{CheckRef, MemberValue, NodeKind, SubnetKeys};

    struct OneFile;

    impl Files for OneFile {
        fn read(&self, relative: &Path) -> Result<String, String> {
            match relative.to_str() {
                Some("isp.txt") => Ok("# north\n198.51.100.0/24 # a\n\n2001:db8::/32\n".to_owned()),
                _ => Err("no such file".to_owned()),
            }
        }
    }

    fn read(text: &str) -> ZoneModel {
        let text =
            format!("zone = \"Example.com\"\n{text}\n[names.\"@\"]\nNS = \"ns.example.net.\"\n");
        let source = Source {
            path: "test.toml".into(),
            text,
        };
        let (model, found) = read_zone(&source, &OneFile);
        let shown = render_text(&found, std::slice::from_ref(&source), false);
        model.unwrap_or_else(|| panic!("{shown}"))
    }

    const POOLS: &str = "[pools.a]\nat = \"eu-west-1\"\nmembers = [\"192.0.2.1\"]\n[pools.b]\nmembers = [\"2001:db8::1\"]\n";

    #[test]
    fn fills_in_defaults() {
        let model = read("[checks.web]\ntype = \"http\"\ninterval = \"2s\"");
        assert_eq!(model.ttl, TTL_DEFAULT);
        assert_eq!(model.soa.rname.to_string(), "hostmaster.Example.com.");
        assert_eq!(model.soa.mname.to_string(), "ns.example.net.");
        assert_eq!((model.soa.refresh, model.soa.negative_ttl), (7200, 30));
        let CheckKind::Probe(probe) = &model.checks[0].kind else {
            panic!("a probe");
        };
        assert_eq!(probe.port, 80);
        assert_eq!(probe.timeout, Timeout::Whole(Duration::from_secs(2)));
        assert_eq!(
            (
                probe.damping.fall,
                probe.damping.rise,
                probe.damping.forgive
            ),
            (3, 2, 1)
        );
        assert!(
            matches!(&probe.kind, ProbeKind::Http(http) if http.path == "/" && http.status == [(200, 299)])
        );
    }

    #[test]
    fn reads_mailboxes_with_dots() {
        let model = read("[soa]\nrname = \"dns.team@example.org\"\nserial = 7");
        assert_eq!(model.soa.rname.to_string(), "dns\\.team.example.org.");
        assert_eq!(model.soa.serial, Some(7));
    }

    #[test]
    fn resolves_forward_references_branches_and_options() {
        let model = read(&format!(
            "{POOLS}[names.www]\nlatency = [{{ to = \"name:us\", at = \"us-east-1\", follow-health = false }}, \"a\"]\n\
             all-down = \"b\"\n[names.us]\nto = {{ failover = {{ primary = \"a\", secondary = \"b\" }} }}"
        ));
        let NodeKind::Latency(branches) = &model.names[0].policy.as_ref().expect("a policy").kind
        else {
            panic!("latency");
        };
        let seen: Vec<(&str, bool, Option<&str>)> = branches
            .iter()
            .map(|branch| {
                let code = branch.location.as_ref().and_then(|at| at.code.as_deref());
                (branch.label.as_str(), branch.follow_health, code)
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("name:us", false, Some("us-east-1")),
                ("a", true, Some("eu-west-1"))
            ]
        );
        assert!(model.names[0].options.all_down.is_some());
        assert_eq!(model.pools[0].site, "eu-west-1");
        assert_eq!(model.pools[1].site, "b");
    }

    #[test]
    fn makes_anonymous_pools_of_records_with_checks() {
        let model = read(&format!(
            "{POOLS}[names]\nsip = \"a\"\n[names.\"_sip._tcp\"]\nSRV = [{{ data = \"10 60 5060 sip\", check = \"name:sip\" }}, \"20 1 5060 sip\"]"
        ));
        let (rtype, node) = &model.names[1].type_policies[0];
        assert_eq!(*rtype, Rtype::SRV);
        assert!(matches!(node.kind, NodeKind::Pool(2)));
        let pool = &model.pools[2];
        assert_eq!(
            (pool.id.as_str(), pool.answers),
            ("names.\"_sip._tcp\".SRV", Some(2))
        );
        let PoolBody::Members(members) = &pool.body else {
            panic!("members");
        };
        assert_eq!(members[0].checks.as_deref(), Some(&[CheckRef::Name(0)][..]));
        assert!(matches!(
            members[1].value,
            MemberValue::Record(Rtype::SRV, _)
        ));
    }

    #[test]
    fn reads_prefixes_from_files_and_keeps_the_first_of_two() {
        let model = read(&format!(
            "{POOLS}[names.www]\nsubnets = [{{ in = \"file:isp.txt\", to = \"a\" }}, \
             {{ in = [\"198.51.100.0/24\", \"10.0.0.0/8\"], to = \"b\" }}, {{ in = \"default\", to = \"a\" }}]"
        ));
        let NodeKind::Subnets(branches) = &model.names[0].policy.as_ref().expect("a policy").kind
        else {
            panic!("subnets");
        };
        let counts: Vec<Option<usize>> = branches
            .iter()
            .map(|(keys, _)| match keys {
                SubnetKeys::Prefixes(prefixes) => Some(prefixes.len()),
                SubnetKeys::Default | SubnetKeys::Awaited(_) => None,
            })
            .collect();
        assert_eq!(counts, [Some(2), Some(1), None]);
    }

    #[test]
    fn reads_times_with_offsets_and_switches() {
        let model = read(&format!(
            "{POOLS}[checks.slot]\ntype = \"manual\"\nswitches = {{ blue = true, green = false }}\nat-most = 1\n\
             [names]\nwww = \"a\"\n[[maintenance]]\ndrain = \"site:eu-*\"\nfrom = 1970-01-01T00:00:10Z\n\
             until = 1970-01-01T01:00:20+01:00\nreason = \"work\"\n[[expect]]\nname = \"x\"\non = \"slot/green\"\n\
             ask = {{ name = \"www\", from = \"EU-DE\" }}\nanswer = [\"a\"]\nshare = {{ a = 99.5 }}"
        ));
        let period = &model.maintenance[0];
        assert_eq!(
            (period.from.millis(), period.until.millis()),
            (10_000, 20_000)
        );
        let expect = &model.expects[0];
        assert_eq!(expect.on, [(0, Some(1))]);
        assert_eq!(expect.rtype, Rtype::A);
        assert_eq!(expect.wanted.share, [(0, 99.5)]);
    }
}
