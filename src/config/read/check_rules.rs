//! Rules over checks and what they are applied to: recipes and gates (a30, a31), hosts to verify (a33).
//!
//! In: the model and every use of a check. Out: faults. Never here: cycles.

use super::hosts::{HostFault, validate_host};
use super::reader::{CheckUse, Reader, UsedOn};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::health::Endpoint;
use crate::model::{
    CheckId, CheckKind, CheckModel, CheckRef, MemberModel, MemberValue, PoolBody, PoolModel,
    ZoneModel,
};

/// Validates every use of a check. The model must be free of cycles.
pub(super) fn validate(reader: &mut Reader<'_>, model: &ZoneModel) {
    let recipes = find_recipes(&model.checks);
    for used in reader.check_uses.clone() {
        let CheckRef::Check(id) = used.check else {
            continue;
        };
        match used.used_on {
            UsedOn::Policy if recipes[id] => recipe_for_gate(reader, model, &used, id),
            UsedOn::Members(pool) | UsedOn::Member(pool, _) => {
                validate_hosts(reader, model, &used, id, pool);
            }
            _ => {}
        }
    }
    validate_gate_hosts(reader, &model.checks);
}

/// Says of each check whether it is a recipe: a probe without an endpoint, or calculated with a recipe among its
/// children (rule a30).
fn find_recipes(checks: &[CheckModel]) -> Vec<bool> {
    let mut recipes: Vec<bool> = checks
        .iter()
        .map(|check| match &check.kind {
            CheckKind::Probe(template) => template.endpoint.is_none(),
            _ => false,
        })
        .collect();
    // Depth is bounded, so this settles in as many rounds.
    loop {
        let mut changed = false;
        for (i, check) in checks.iter().enumerate() {
            if let CheckKind::Calculated { children, .. } = &check.kind
                && !recipes[i]
                && children
                    .iter()
                    .any(|child| matches!(child, CheckRef::Check(id) if recipes[*id]))
            {
                recipes[i] = true;
                changed = true;
            }
        }
        if !changed {
            return recipes;
        }
    }
}

fn recipe_for_gate(reader: &mut Reader<'_>, model: &ZoneModel, used: &CheckUse, id: CheckId) {
    let check = &model.checks[id];
    reader.faults.push(
        Diagnostic::fault(
            "L033",
            used.span.clone(),
            &used.path,
            format!("`{}` has no address to probe here", check.id),
        )
        .label("only a gate can stand here")
        .related(check.span.clone(), "a recipe: applied to the address of each member")
        .help(
            "use it on a pool with members, give it an `address` or `target` of its own, or refer to a pool's health: `\"pool:x\"`",
        ),
    );
}

/// Says whether a check verifies a certificate without knowing the name it must cover.
fn lacks_host(check: &CheckModel) -> bool {
    let CheckKind::Probe(template) = &check.kind else {
        return false;
    };
    template
        .kind
        .tls()
        .is_some_and(|tls| tls.verify && tls.server_name.is_none())
}

/// Finds the checks without a host among a check and its children.
fn hostless(model: &ZoneModel, id: CheckId) -> Option<&CheckModel> {
    let mut open = vec![id];
    let mut seen = vec![false; model.checks.len()];
    while let Some(id) = open.pop() {
        if std::mem::replace(&mut seen[id], true) {
            continue;
        }
        let check = &model.checks[id];
        if lacks_host(check) && is_recipe_probe(check) {
            return Some(check);
        }
        if let CheckKind::Calculated { children, .. } = &check.kind {
            open.extend(children.iter().filter_map(|child| match child {
                CheckRef::Check(id) => Some(*id),
                _ => None,
            }));
        }
    }
    None
}

fn is_recipe_probe(check: &CheckModel) -> bool {
    matches!(&check.kind, CheckKind::Probe(template) if template.endpoint.is_none())
}

/// Refuses an https recipe without a host on members that are no targets (rule a33).
fn validate_hosts(
    reader: &mut Reader<'_>,
    model: &ZoneModel,
    used: &CheckUse,
    id: CheckId,
    pool: usize,
) {
    let Some(check) = hostless(model, id) else {
        return;
    };
    let pool: &PoolModel = &model.pools[pool];
    let PoolBody::Members(members) = &pool.body else {
        return;
    };
    let is_affected = |at: usize, member: &MemberModel| match used.used_on {
        UsedOn::Member(_, only) => at == only,
        _ => member.checks.is_none(),
    };
    if let Some((member, target, fault)) = find_unverifiable(pool, is_affected) {
        let span = member.span.clone();
        let found = unverifiable(&target, span, &used.path, fault);
        reader
            .faults
            .push(found.related(used.span.clone(), "verified by this check"));
    }
    let lacks = |member: &MemberModel| {
        !matches!(member.value, MemberValue::Target(_))
            && member.probe.host.is_none()
            && pool.probe.host.is_none()
    };
    let affected = match used.used_on {
        // A member's own checks replace the pool's recipes.
        UsedOn::Members(_) => members
            .iter()
            .find(|member| member.checks.is_none() && lacks(member)),
        UsedOn::Member(_, at) => members.get(at).filter(|member| lacks(member)),
        _ => None,
    };
    let Some(member) = affected else {
        return;
    };
    reader.faults.push(
        no_host(check, &used.path)
            .related(used.span.clone(), "applied here")
            .related(member.span.clone(), "an address has no name of its own"),
    );
}

fn validate_gate_hosts(reader: &mut Reader<'_>, checks: &[CheckModel]) {
    for check in checks.iter().filter(|check| lacks_host(check)) {
        let CheckKind::Probe(template) = &check.kind else {
            continue;
        };
        let path = format!("checks.{}", check.id);
        match &template.endpoint {
            Some(Endpoint::Address(_)) => reader.faults.push(no_host(check, &path)),
            Some(Endpoint::Host(target)) => {
                if let Err(fault) = validate_host(target) {
                    let span = check.span.clone();
                    reader.faults.push(unverifiable(target, span, &path, fault));
                }
            }
            Some(Endpoint::Here) | None => {}
        }
    }
}

/// Finds a member whose target stands for the host, though no certificate can be for it.
fn find_unverifiable(
    pool: &PoolModel,
    is_affected: impl Fn(usize, &MemberModel) -> bool,
) -> Option<(&MemberModel, String, HostFault)> {
    let mut members = match &pool.body {
        PoolBody::Members(members) => members.iter().enumerate(),
        PoolBody::Policy(_) => return None,
    };
    members.find_map(|(at, member)| {
        let MemberValue::Target(target) = &member.value else {
            return None;
        };
        if !is_affected(at, member) || member.probe.host.is_some() || pool.probe.host.is_some() {
            return None;
        }
        let text = target.to_string();
        let fault = validate_host(&text).err()?;
        Some((member, text, fault))
    })
}

fn unverifiable(target: &str, span: Span, path: &str, fault: HostFault) -> Diagnostic {
    let message = format!("no certificate can be for the target `{target}`");
    Diagnostic::fault("L029", span, path, message)
        .label(fault.label)
        .help("say whom to ask for with `host`, or write `verify = false`")
}

fn no_host(check: &CheckModel, path: &str) -> Diagnostic {
    Diagnostic::fault(
        "L031",
        check.span.clone(),
        path,
        format!("the check `{}` verifies a certificate but has no `host`", check.id),
    )
    .label("which name must the certificate cover?")
    .help("add `host = \"www.example.com\"`: it is the Host header, the SNI and the name verified; or write `verify = false`")
}
