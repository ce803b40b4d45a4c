//! Rules of DNS over the whole zone: apex, CNAME, delegations, static types beside policies, relative names.
//!
//! In: the model and the names written in RDATA. Out: faults and warnings. Never here: checks.

use std::collections::{HashMap, HashSet};

use super::owners::{Owners, collect_owners, has_type};
use super::pools::type_of;
use super::reader::{Item, NameUse, Reader};
use crate::config::values::join;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::model::{NameId, NameModel, PoolBody, PoolId, ZoneModel};
use crate::wire::{Name, Rtype};

/// Validates the zone as a zone.
pub(super) fn validate(reader: &mut Reader<'_>, model: &ZoneModel) {
    let written = std::mem::take(&mut reader.index.name_ids);
    let owners = collect_owners(model, &written);
    validate_apex(reader, model);
    let reachable = reachable_types(reader, model);
    for (id, name) in model.names.iter().enumerate() {
        validate_cname(reader, name);
        validate_cut(reader, model, &owners, name);
        validate_static_types(reader, model, &reachable, id, name);
    }
    validate_glue(reader, model, &owners);
    validate_name_references(reader, model, &owners);
    validate_relative_names(reader, &owners);
    reader.index.name_ids = written;
}

fn rrset_span(name: &NameModel, rtype: Rtype) -> Span {
    name.rrsets
        .iter()
        .find(|rrset| rrset.rtype == rtype)
        .map_or_else(|| name.span.clone(), |rrset| rrset.span.clone())
}

/// The key path of a name, or of one of its types.
fn path_of(apex: &Name, name: &NameModel, rtype: Option<Rtype>) -> String {
    let path = join("names", &name.owner.to_relative(apex));
    match rtype {
        Some(rtype) => format!("{path}.{rtype}"),
        None => path,
    }
}

/// NS at the apex is required (RFC 1034, section 4.2.1; rule a53).
fn validate_apex(reader: &mut Reader<'_>, model: &ZoneModel) {
    let apex = model.names.iter().find(|name| name.owner == model.apex);
    if apex.is_some_and(|apex| has_type(apex, Rtype::NS)) {
        return;
    }
    let span = apex.map_or(Span(0..0), |apex| apex.span.clone());
    reader.faults.push(
        Diagnostic::fault(
            "L065",
            span,
            "names.\"@\".NS",
            format!("the zone `{}` has no NS records at its apex", model.apex),
        )
        .label("no `\"@\".NS` in this file")
        .help("list the name servers of the zone: `\"@\".NS = [\"ns1\", \"ns2.example.net.\"]` under `[names]`"),
    );
}

/// CNAME stands alone and once (RFC 1034, section 3.6.2; RFC 2181, section 10.1).
fn validate_cname(reader: &mut Reader<'_>, name: &NameModel) {
    let Some(cname) = name.rrsets.iter().find(|rrset| rrset.rtype == Rtype::CNAME) else {
        return;
    };
    let path = &path_of(&reader.apex, name, Some(Rtype::CNAME));
    if cname.rdata.len() > 1 {
        reader.faults.push(
            Diagnostic::fault(
                "L063",
                cname.span.clone(),
                path,
                format!(
                    "`{}` has {} CNAME records; one is allowed",
                    name.owner,
                    cname.rdata.len()
                ),
            )
            .label("more than one")
            .help("to choose between targets make a pool with `target` members"),
        );
    }
    let other = name
        .rrsets
        .iter()
        .find(|rrset| rrset.rtype != Rtype::CNAME)
        .map(|rrset| (rrset.span.clone(), format!("{} records", rrset.rtype)))
        .or_else(|| {
            name.policy
                .as_ref()
                .map(|node| (node.span.clone(), "a policy".to_owned()))
        })
        .or_else(|| {
            let (rtype, node) = name.type_policies.first()?;
            Some((node.span.clone(), format!("{rtype} by policy")))
        });
    if let Some((span, what)) = other {
        let help = if name.owner == reader.apex {
            "the apex always holds NS and SOA; let it lead to a pool with a `target`, which is answered as addresses"
        } else {
            "a CNAME stands alone at its name (RFC 1034, section 3.6.2)"
        };
        reader.faults.push(
            Diagnostic::fault(
                "L063",
                cname.span.clone(),
                path,
                format!("`{}` has a CNAME beside {what}", name.owner),
            )
            .label("the CNAME")
            .related(span, what)
            .help(help),
        );
    }
}

/// Says whether a delegated name is one of its own name servers: its addresses are glue then.
fn names_itself(cut: &NameModel) -> bool {
    cut.rrsets
        .iter()
        .filter(|rrset| rrset.rtype == Rtype::NS)
        .flat_map(|rrset| &rrset.rdata)
        .any(|rdata| Name::from_wire(rdata).is_ok_and(|(host, _)| host == cut.owner))
}

/// Only NS and DS stand at a cut, with its addresses if it serves itself, and only glue below it (RFC 2181, section 6; rule a53).
fn validate_cut(reader: &mut Reader<'_>, model: &ZoneModel, owners: &Owners<'_>, name: &NameModel) {
    let Some(cut) = owners.cut_of(&name.owner, &model.apex) else {
        return;
    };
    let cut = &model.names[cut];
    let is_cut = cut.owner == name.owner;
    let (own, glue) = ([Rtype::NS, Rtype::DS], [Rtype::A, Rtype::AAAA]);
    let is_allowed = |rtype| {
        (is_cut && own.contains(&rtype))
            || (glue.contains(&rtype) && (!is_cut || names_itself(cut)))
    };
    let wrong = name
        .rrsets
        .iter()
        .find(|rrset| !is_allowed(rrset.rtype))
        .map(|rrset| (rrset.span.clone(), format!("{} records", rrset.rtype)))
        .or_else(|| {
            name.policy
                .as_ref()
                .map(|node| (node.span.clone(), "a policy".to_owned()))
        })
        .or_else(|| {
            let (_, node) = name.type_policies.first()?;
            Some((node.span.clone(), "a policy".to_owned()))
        });
    let Some((span, what)) = wrong else {
        return;
    };
    let (place, help) = if is_cut {
        (
            "at",
            "only NS and DS stand at a delegation; everything else belongs into the zone below",
        )
    } else {
        (
            "below",
            "only addresses of name servers (glue) stand below a delegation",
        )
    };
    reader.faults.push(
        Diagnostic::fault(
            "L066",
            span,
            path_of(&model.apex, name, None),
            format!("{what} {place} the delegation of `{}`", cut.owner),
        )
        .label("is never answered")
        .related(
            rrset_span(cut, Rtype::NS),
            "these NS records delegate the name",
        )
        .help(help),
    );
}

/// Name servers at or below their own cut need addresses here (RFC 9471; rule a53), and so do those of the apex.
fn validate_glue(reader: &mut Reader<'_>, model: &ZoneModel, owners: &Owners<'_>) {
    if owners.cuts.is_empty() {
        return;
    }
    let by_owner: HashMap<&Name, &NameModel> =
        model.names.iter().map(|name| (&name.owner, name)).collect();
    for name in owners.cuts.values().map(|id| &model.names[*id]) {
        let Some(rrset) = name.rrsets.iter().find(|rrset| rrset.rtype == Rtype::NS) else {
            continue;
        };
        for rdata in &rrset.rdata {
            let Ok((host, _)) = Name::from_wire(rdata) else {
                continue;
            };
            if !host.is_at_or_below(&name.owner) {
                continue;
            }
            let has_address = by_owner
                .get(&host)
                .is_some_and(|host| has_type(host, Rtype::A) || has_type(host, Rtype::AAAA));
            if !has_address {
                let written = host.to_relative(&model.apex);
                reader.faults.push(
                    Diagnostic::fault(
                        "L067",
                        rrset.span.clone(),
                        path_of(&model.apex, name, Some(Rtype::NS)),
                        format!("the name server `{host}` lies below its own delegation and has no address here"),
                    )
                    .label("cannot be found without glue")
                    .help(format!("add its address: `\"{written}\".A = \"192.0.2.1\"` under `[names]`")),
                );
            }
        }
    }
}

/// Types of the members that an item can reach, with the pool; targets are left to the reviews (rule a27).
type Reachable = HashMap<Item, Vec<(Rtype, PoolId)>>;

fn reachable_types(reader: &Reader<'_>, model: &ZoneModel) -> Reachable {
    let mut from: HashMap<Item, Vec<Item>> = HashMap::new();
    let mut referred: HashSet<Item> = HashSet::new();
    for edge in reader.edges.iter().filter(|edge| !edge.is_check) {
        from.entry(edge.from).or_default().push(edge.to);
        if matches!(edge.to, Item::Name(_)) {
            referred.insert(edge.to);
        }
    }
    let mut types: Reachable = HashMap::new();
    for (id, pool) in model.pools.iter().enumerate() {
        if let PoolBody::Members(members) = &pool.body {
            let mut own: Vec<(Rtype, PoolId)> = members
                .iter()
                .filter_map(|member| type_of(&member.value).map(|rtype| (rtype, id)))
                .collect();
            own.sort_unstable_by_key(|(rtype, _)| rtype.0);
            own.dedup();
            types.insert(Item::Pool(id), own);
        }
    }
    // Pools, and names that others refer to, in as many rounds as they are deep. All other names are looked up once.
    let mut inner: Vec<(&Item, &Vec<Item>)> = from
        .iter()
        .filter(|(item, _)| matches!(item, Item::Pool(_)) || referred.contains(item))
        .collect();
    inner.sort_unstable_by_key(|(item, _)| **item);
    for _ in 0..super::nodes::DEPTH_MAX {
        let mut changed = false;
        for (item, targets) in &inner {
            let own = gather(&types, types.get(item), targets);
            if own.len() != types.get(item).map_or(0, Vec::len) {
                changed = true;
                types.insert(**item, own);
            }
        }
        if !changed {
            break;
        }
    }
    for (id, name) in model.names.iter().enumerate() {
        let item = Item::Name(id);
        if name.policy.is_some()
            && !name.rrsets.is_empty()
            && let Some(targets) = from.get(&item)
        {
            let own = gather(&types, types.get(&item), targets);
            types.insert(item, own);
        }
    }
    types
}

fn gather(
    types: &Reachable,
    own: Option<&Vec<(Rtype, PoolId)>>,
    targets: &[Item],
) -> Vec<(Rtype, PoolId)> {
    let mut own = own.cloned().unwrap_or_default();
    for found in targets
        .iter()
        .filter_map(|target| types.get(target))
        .flatten()
    {
        if !own.iter().any(|(rtype, _)| *rtype == found.0) {
            own.push(*found);
        }
    }
    own
}

/// A static type beside a policy that answers it is a fault (rule a29).
fn validate_static_types(
    reader: &mut Reader<'_>,
    model: &ZoneModel,
    reachable: &Reachable,
    id: NameId,
    name: &NameModel,
) {
    let Some(policy) = &name.policy else {
        return;
    };
    if name.rrsets.is_empty() {
        return;
    }
    let own_pools: HashSet<PoolId> = name
        .type_policies
        .iter()
        .filter_map(|(_, node)| match node.kind {
            crate::model::NodeKind::Pool(pool) => Some(pool),
            _ => None,
        })
        .collect();
    for rrset in &name.rrsets {
        let clash = reachable.get(&Item::Name(id)).and_then(|types| {
            types
                .iter()
                .find(|(rtype, pool)| *rtype == rrset.rtype && !own_pools.contains(pool))
        });
        let Some((rtype, pool)) = clash else {
            continue;
        };
        let pool = &model.pools[*pool];
        reader.faults.push(
            Diagnostic::fault(
                "L064",
                rrset.span.clone(),
                path_of(&model.apex, name, Some(*rtype)),
                format!(
                    "`{}` has static {rtype} records beside a policy that answers {rtype}",
                    name.owner
                ),
            )
            .label("would never be answered, or always")
            .related(policy.span.clone(), "the policy")
            .related(pool.span.clone(), format!("this pool has {rtype} members"))
            .help("keep one: records in a pool, or no policy for this type"),
        );
    }
}

/// `"name:x"` needs a name above any cut and without a static CNAME (rule a42).
fn validate_name_references(reader: &mut Reader<'_>, model: &ZoneModel, owners: &Owners<'_>) {
    let mut found = Vec::new();
    for edge in &reader.edges {
        let Item::Name(id) = edge.to else {
            continue;
        };
        let name = &model.names[id];
        if has_type(name, Rtype::CNAME) {
            found.push((
                edge.clone(),
                rrset_span(name, Rtype::CNAME),
                format!("`{}` is a CNAME and cannot be referred to", name.owner),
                "refer to the name it leads to",
            ));
        } else if let Some(cut) = owners.cut_of(&name.owner, &model.apex) {
            found.push((
                edge.clone(),
                rrset_span(&model.names[cut], Rtype::NS),
                format!("`{}` is delegated and cannot be referred to", name.owner),
                "its records are in another zone; make a pool with the name as `target`",
            ));
        }
    }
    for (edge, span, message, help) in found {
        reader.faults.push(
            Diagnostic::fault("L072", edge.span, &edge.path, message)
                .label("refers to it")
                .related(span, "because of this")
                .help(help),
        );
    }
}

/// A relative name with nothing at or above it inside the zone has lost its dot; a single label, or a name with
/// relatives in the zone, is only missing (rule a6).
fn validate_relative_names(reader: &mut Reader<'_>, owners: &Owners<'_>) {
    let uses = std::mem::take(&mut reader.name_uses);
    for used in &uses {
        if !exists(&used.name, &reader.apex, owners) {
            let diagnostic = missing_name(used, &reader.apex, owners);
            reader.faults.push(diagnostic);
        }
    }
    reader.name_uses = uses;
}

/// Says whether a name, a wildcard for it, or a cut above it is in the zone.
fn exists(name: &Name, apex: &Name, owners: &Owners<'_>) -> bool {
    if owners.has(name) || owners.cut_of(name, apex).is_some() {
        return true;
    }
    let mut next = name.parent();
    while let Some(encloser) = next.filter(|encloser| encloser.is_at_or_below(apex)) {
        let wildcard = encloser.child(b"*");
        if wildcard.is_ok_and(|wildcard| owners.has(&wildcard)) {
            return true;
        }
        next = encloser.parent();
    }
    false
}

/// Says whether a name above this one and below the apex is in the zone.
fn has_relatives(name: &Name, apex: &Name, owners: &Owners<'_>) -> bool {
    let mut next = name.parent();
    while let Some(above) = next.filter(|above| above != apex && above.is_at_or_below(apex)) {
        if owners.has(&above) {
            return true;
        }
        next = above.parent();
    }
    false
}

fn missing_name(used: &NameUse, apex: &Name, owners: &Owners<'_>) -> Diagnostic {
    let (text, name) = (&used.text, &used.name);
    if used.labels_written >= 2 && !has_relatives(name, apex, owners) {
        return Diagnostic::fault(
            "L068",
            used.span.clone(),
            &used.path,
            format!("`{text}` is read as `{name}`, which is not in this zone"),
        )
        .label("did you forget the final dot?")
        .help(format!(
            "write `{text}.` for the name outside, or define `{text}` here"
        ))
        .suggest(format!("{text}."));
    }
    let key = if text.contains('.') {
        format!("\"{text}\"")
    } else {
        text.clone()
    };
    Diagnostic::warning(
        "L069",
        used.span.clone(),
        &used.path,
        format!("`{text}` is not defined in the zone `{apex}`"),
    )
    .label(format!("read as `{name}`"))
    .help(format!(
        "add it under `[names]`, for example `{key}.A = \"192.0.2.1\"`"
    ))
}
