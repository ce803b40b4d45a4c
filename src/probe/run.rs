//! One probe of one target, from name to observation.
//!
//! In: a target. Out: an observation, within the target's time limits. Never here: schedules, statuses.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::attempt::Attempt;
use super::context::{Prepared, ProbeContext};
use super::dns::probe_dns;
use super::exec::probe_exec;
use super::grpc::probe_grpc;
use super::handshake::probe_tls;
use super::http::probe_http;
use super::metric::probe_metric;
use super::resolve::resolve;
use super::tcp::probe_tcp;
use super::trace::Budget;
use crate::clock::Moment;
use crate::health::{
    Endpoint, Evidence, Finding, Observation, Outcome, Phases, ProbeKind, ProbeRecipe, Target,
    Timeout,
};

/// Probes a target once, now.
pub async fn probe_once(context: &ProbeContext, target: &Arc<Target>) -> Observation {
    run(context, &context.prepare(Arc::clone(target))).await
}

/// Probes a target that is ready.
pub(super) async fn run(context: &ProbeContext, prepared: &Prepared) -> Observation {
    let started = context.clock.now();
    let recipe = &prepared.target.probe;
    let unfinished =
        |finding: Finding| conclude(context, started, finding.into(), Phases::default());
    let plan = match &prepared.plan {
        Ok(plan) => plan,
        Err(finding) => return unfinished(finding.clone()),
    };
    match &recipe.kind {
        ProbeKind::Heartbeat(_) => {
            let why = "nothing is probed: somebody must report in";
            return unfinished(Finding::Insufficient(why.into()));
        }
        ProbeKind::Exec(exec) if recipe.endpoint == Endpoint::Here => {
            let commands = context.commands.as_ref();
            return unfinished(probe_exec(commands, recipe, exec, None).await);
        }
        _ => {}
    }
    let addresses = match find_addresses(context, recipe).await {
        Ok(addresses) => addresses,
        Err(finding) => return unfinished(finding),
    };
    if let ProbeKind::Exec(exec) = &recipe.kind {
        // The system prefers the first; a command is not run once for each.
        let address = addresses[0].ip();
        let commands = context.commands.as_ref();
        let evidence = Evidence {
            finding: probe_exec(commands, recipe, exec, Some(address)).await,
            address: matches!(recipe.endpoint, Endpoint::Host(_)).then_some(address),
        };
        return conclude(context, started, evidence, Phases::default());
    }
    let mut failed: Option<(Evidence, Phases)> = None;
    for (tried, address) in addresses.iter().enumerate() {
        let attempt = Attempt {
            context,
            recipe,
            plan,
            address: *address,
            budget: Budget {
                timeout: recipe.timeout,
                started,
                connect_from: started,
                addresses_left: u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX),
            },
        };
        let attempted = match &recipe.kind {
            ProbeKind::Http(http) => probe_http(&attempt, http).await,
            ProbeKind::Tcp(tcp) => probe_tcp(&attempt, tcp).await,
            ProbeKind::Dns(dns) => probe_dns(&attempt, dns).await,
            ProbeKind::Tls(certificate) => probe_tls(&attempt, certificate).await,
            ProbeKind::Grpc(grpc) => probe_grpc(&attempt, grpc).await,
            ProbeKind::Metric(metric) => probe_metric(&attempt, metric).await,
            ProbeKind::Exec(_) | ProbeKind::Heartbeat(_) => unreachable!("concluded above"),
        };
        let phases = attempted.trace.phases(started);
        let names_address = matches!(recipe.endpoint, Endpoint::Host(_));
        let evidence = Evidence {
            address: names_address.then_some(address.ip()),
            finding: attempted.finding,
        };
        if attempted.is_connected {
            return conclude(context, started, evidence, phases);
        }
        // A failure of the target says more than one of our own, and among equals the first is the preferred address.
        let is_weightier = |(before, _): &(Evidence, Phases)| {
            before.finding.outcome() == Outcome::NoEvidence
                && evidence.finding.outcome() == Outcome::Bad
        };
        if failed.as_ref().is_none_or(is_weightier) {
            failed = Some((evidence, phases));
        }
    }
    let (evidence, phases) = failed.expect("there is at least one address");
    conclude(context, started, evidence, phases)
}

fn conclude(
    context: &ProbeContext,
    started: Moment,
    evidence: Evidence,
    phases: Phases,
) -> Observation {
    let now = context.clock.now();
    let total = Some(now.since(started));
    Observation::new(evidence, Phases { total, ..phases }, now)
}

/// Returns the socket addresses to try, at least one.
pub(super) async fn find_addresses(
    context: &ProbeContext,
    recipe: &ProbeRecipe,
) -> Result<Vec<SocketAddr>, Finding> {
    let host = match &recipe.endpoint {
        Endpoint::Host(host) => host,
        Endpoint::Here => return Err(Finding::NotProbed),
        Endpoint::Address(address) => {
            let socket = SocketAddr::new(*address, recipe.port);
            return context.reach.permit(socket).map(|()| vec![socket]);
        }
    };
    let limit: Duration = match recipe.timeout {
        Timeout::Whole(whole) => whole,
        Timeout::Phases { connect, .. } => connect,
    };
    let finding = resolve(&context.names, host);
    // A resolver that takes longer than the probe may is one that does not answer.
    let silent = |_| Finding::ResolverSilent {
        name: host.as_str().into(),
    };
    let addresses = tokio::time::timeout(limit, finding)
        .await
        .map_err(silent)??;
    let mut refused = None;
    let sockets = addresses.into_iter().filter_map(|address| {
        let socket = SocketAddr::new(address, recipe.port);
        let judged = context.reach.permit(socket).map(|()| socket);
        judged
            .map_err(|finding| refused.get_or_insert(finding).clone())
            .ok()
    });
    let sockets: Vec<_> = sockets.collect();
    match refused {
        Some(finding) if sockets.is_empty() => Err(finding),
        _ => Ok(sockets),
    }
}
