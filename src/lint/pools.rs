//! Reviews of pools and checks: what nobody uses, what can never be met, and members that fall together.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::vitality::needed_members;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::health::Endpoint;
use crate::model::{CheckKind, MemberValue, MinHealthy, NameModel, PoolModel, ZoneModel};
use crate::model::{Follow, PolicyReach};
use crate::model::{
    is_anonymous, leaves, members, members_by_type, name_path, nodes_of_options, policies,
    pool_path,
};
use crate::wire::{Name, Rtype};

/// Reviews what is used, and each pool and panel for itself.
pub(super) fn review(model: &ZoneModel, findings: &mut Vec<Diagnostic>) {
    review_unused(model, findings);
    for pool in &model.pools {
        review_min_healthy(pool, findings);
        review_member_weights(pool, findings);
    }
    review_panels(model, findings);
    review_own_name(model, findings);
    review_one_site(model, findings);
    review_private(model, findings);
}

fn review_unused(model: &ZoneModel, findings: &mut Vec<Diagnostic>) {
    let mut reach = PolicyReach::new(model, Follow::Health);
    for (id, name) in model.names.iter().enumerate() {
        // Of a name that leads nowhere nothing need be remembered.
        let leads = policies(name).next().is_some()
            || !name.options.checks.is_empty()
            || nodes_of_options(&name.options).next().is_some();
        if leads {
            reach.add_name(id);
        }
    }
    for (id, pool) in model.pools.iter().enumerate() {
        if !reach.has_pool(id) && !is_anonymous(pool) {
            findings.push(
                Diagnostic::new(
                    Severity::Warning,
                    "R001",
                    &pool.span,
                    pool_path(pool),
                    format!("no name leads to pool `{}`: it is never answered", pool.id),
                )
                .help("point a name or another pool at it, or remove it"),
            );
        }
    }
    // A check of an unused pool is not reported again: mending the pool mends it.
    for id in 0..model.pools.len() {
        reach.add_pool(id);
    }
    for (id, check) in model.checks.iter().enumerate() {
        if !reach.has_check(id) {
            findings.push(
                Diagnostic::new(
                    Severity::Warning,
                    "R002",
                    &check.span,
                    format!("checks.{}", check.id),
                    format!("nothing uses check `{}`: it is never run", check.id),
                )
                .help(format!(
                    "write `check = \"{}\"` on a pool, or remove it",
                    check.id
                )),
            );
        }
    }
}

/// Rule a23, a family at a time: more must be healthy than there are.
fn review_min_healthy(pool: &PoolModel, findings: &mut Vec<Diagnostic>) {
    let by_type = members_by_type(pool);
    if by_type.len() < 2 {
        return;
    }
    for (rtype, list) in by_type {
        let weighted = list.iter().filter(|member| member.weight > 0).count();
        let most = weighted.max(list.len() - weighted);
        if needed_members(pool.min_healthy, weighted) <= most {
            continue;
        }
        let MinHealthy::Count(count) = pool.min_healthy else {
            continue;
        };
        findings.push(
            Diagnostic::new(
                Severity::Warning,
                "R016",
                &pool.span,
                pool_path(pool),
                format!(
                    "pool `{}` has {most} {rtype} {} but `min-healthy = {count}`: for {rtype} it is never healthy",
                    pool.id,
                    if most == 1 { "member" } else { "members" },
                ),
            )
            .help("write a percentage such as `min-healthy = \"50%\"`: it is taken of each family"),
        );
    }
}

fn review_member_weights(pool: &PoolModel, findings: &mut Vec<Diagnostic>) {
    let list = members(pool);
    if list.len() > 1 && list.iter().all(|member| member.weight == 0) {
        findings.push(
            Diagnostic::new(
                Severity::Warning,
                "R013",
                &pool.span,
                pool_path(pool),
                format!(
                    "every member of `{}` has weight 0: all are standbys of nothing",
                    pool.id
                ),
            )
            .help("leave the weights out, or give 0 to the standby alone"),
        );
    }
}

/// First values of a panel that its own rule forbids could never be left by a legal change.
fn review_panels(model: &ZoneModel, findings: &mut Vec<Diagnostic>) {
    for check in &model.checks {
        let CheckKind::Panel {
            switches,
            at_least,
            at_most,
        } = &check.kind
        else {
            continue;
        };
        let on = switches.iter().filter(|(_, is_on)| *is_on).count();
        if (*at_least..=*at_most).contains(&on) {
            continue;
        }
        let bound = if on < *at_least {
            format!("at-least = {at_least}")
        } else {
            format!("at-most = {at_most}")
        };
        findings.push(
            Diagnostic::new(
                Severity::Fault,
                "R015",
                &check.span,
                format!("checks.{}", check.id),
                format!(
                    "panel `{}` starts with {on} of {} switches on, which `{bound}` forbids",
                    check.id,
                    switches.len()
                ),
            )
            .help("change the first values or the bound"),
        );
    }
}

/// A check that asks for the name whose answer it decides: it follows the failover and loses sight of what failed.
fn review_own_name(model: &ZoneModel, findings: &mut Vec<Diagnostic>) {
    let probing: Vec<(usize, Name)> = model
        .checks
        .iter()
        .enumerate()
        .filter_map(|(id, check)| match &check.kind {
            CheckKind::Probe(template) => match &template.endpoint {
                Some(Endpoint::Host(host)) => {
                    Some((id, end_of_aliases(model, Name::parse_absolute(host).ok()?)))
                }
                _ => None,
            },
            _ => None,
        })
        .collect();
    if probing.is_empty() {
        return;
    }
    for (id, name) in model.names.iter().enumerate() {
        for (check, _) in probing.iter().filter(|(_, host)| *host == name.owner) {
            let mut reach = PolicyReach::new(model, Follow::Health);
            reach.add_name(id);
            if reach.has_check(*check) {
                let check = &model.checks[*check];
                findings.push(
                    Diagnostic::new(
                        Severity::Warning,
                        "R012",
                        &check.span,
                        format!("checks.{}", check.id),
                        format!(
                            "check `{}` probes `{}`, whose answer it decides: it will probe whatever is answered, not what failed",
                            check.id,
                            name.owner.to_relative(&model.apex)
                        ),
                    )
                    .help("probe an address, or a name that does not depend on this check; `host` alone may stay")
                    .related(&name.span, "the name"),
                );
            }
        }
    }
}

/// Most static aliases followed from a host that is probed. Chosen: longer chains are somebody's mistake.
const ALIASES_MAX: usize = 8;

/// Follows static aliases inside the zone: who probes an alias probes the name it leads to.
fn end_of_aliases(model: &ZoneModel, host: Name) -> Name {
    let mut at = host;
    for _ in 0..ALIASES_MAX {
        let named = model.names.iter().find(|name| name.owner == at);
        let alias =
            named.and_then(|name| name.rrsets.iter().find(|rrset| rrset.rtype == Rtype::CNAME));
        let target = alias.and_then(|alias| Name::from_wire(alias.rdata.first()?).ok());
        match target {
            Some((target, _)) => at = target,
            None => break,
        }
    }
    at
}

/// Several pools or tiers, and one site behind them all.
fn review_one_site(model: &ZoneModel, findings: &mut Vec<Diagnostic>) {
    let mut told: BTreeSet<BTreeSet<usize>> = BTreeSet::new();
    for name in &model.names {
        for (_, node) in policies(name) {
            let pools = leaves(model, node);
            if pools.len() < 2 || told.contains(&pools) {
                continue;
            }
            let sites: BTreeSet<&str> = pools
                .iter()
                .flat_map(|id| {
                    let pool = &model.pools[*id];
                    members(pool)
                        .iter()
                        .map(|member| member.site.as_deref().unwrap_or(&pool.site))
                })
                .collect();
            if let (1, Some(site)) = (sites.len(), sites.first()) {
                findings.push(
                    Diagnostic::new(
                        Severity::Warning,
                        "R011",
                        &node.span,
                        name_path(model, &name.owner),
                        format!(
                            "all {} pools that this name can answer stand at site `{site}`: its loss takes them all",
                            pools.len()
                        ),
                    )
                    .help("add a pool at another site, or correct the `site` labels"),
                );
                told.insert(pools);
            }
        }
    }
}

/// Private and public addresses behind one name: some clients get an address that leads nowhere.
fn review_private(model: &ZoneModel, findings: &mut Vec<Diagnostic>) {
    let mut told: BTreeSet<usize> = BTreeSet::new();
    for name in &model.names {
        let pools: BTreeSet<usize> = policies(name)
            .flat_map(|(_, node)| leaves(model, node))
            .collect();
        let addresses = || {
            pools.iter().flat_map(|id| {
                members(&model.pools[*id])
                    .iter()
                    .filter_map(move |member| match member.value {
                        MemberValue::Address(address) => Some((*id, member, address)),
                        _ => None,
                    })
            })
        };
        if addresses().all(|(_, _, address)| is_private(address)) {
            continue;
        }
        for (id, member, address) in addresses().filter(|(_, _, address)| is_private(*address)) {
            if !told.insert(id) {
                continue;
            }
            findings.push(private_finding(
                model,
                name,
                &model.pools[id],
                &member.span,
                address,
            ));
        }
    }
}

fn private_finding(
    model: &ZoneModel,
    name: &NameModel,
    pool: &PoolModel,
    span: &crate::diagnostic::Span,
    address: IpAddr,
) -> Diagnostic {
    Diagnostic::new(
        Severity::Warning,
        "R018",
        span,
        pool_path(pool),
        format!(
            "`{address}` is a private address, but `{}` answers public ones too: clients outside cannot reach it",
            name.owner.to_relative(&model.apex)
        ),
    )
    .help("answer the public address and write the private one as `probe = { address = \"...\" }`")
}

/// RFC 1918, RFC 4193, loopback and link-local.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local(),
    }
}
