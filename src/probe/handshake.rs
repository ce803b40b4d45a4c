//! One TLS probe at one address: a handshake, and the days left of the certificate.
//!
//! In: TLS settings, days wanted, an address. Out: a finding. Never here: the protocol over the session.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;

use super::attempt::{Attempt, Attempted};
use super::classify::{classify, failed_to_connect};
use super::stream::{Secure, shake_hands};
use super::tls::sent_name;
use super::trace::{Shown, Trace};
use crate::clock::Clock;
use crate::health::{CertificateFault, CertificateProbe, Finding, Phase, TlsProbe};

/// Probes one address.
pub(super) async fn probe_tls(attempt: &Attempt<'_>, wanted: &CertificateProbe) -> Attempted {
    let wanted_name = attempt.plan.wanted_name.clone();
    let trace = Trace::begin(attempt.context.clock, attempt.address, wanted_name);
    let exchange = trace.scope(exchange(attempt, wanted, &trace));
    let finding = match attempt.budget.run(&trace, exchange).await {
        Ok(Ok(finding) | Err(finding)) | Err(finding) => finding,
    };
    Attempted {
        finding,
        is_connected: !failed_to_connect(&trace),
        trace,
    }
}

async fn exchange(
    attempt: &Attempt<'_>,
    wanted: &CertificateProbe,
    trace: &Arc<Trace>,
) -> Result<Finding, Finding> {
    let stream = TcpStream::connect(attempt.address)
        .await
        .map_err(|error| classify(&error, trace))?;
    let secure = Secure {
        config: Arc::clone(&attempt.plan.profile.full_tls),
        name: handshake_name(&wanted.tls),
    };
    let session = shake_hands(secure, trace, stream).await?;
    trace.enter_exchange(Phase::Reply);
    drop(session);
    evaluate_days_left(&attempt.context.clock, wanted.days_left, trace)?;
    Ok(Finding::Fulfilled("the TLS session stood".into()))
}

/// Returns the name for the handshake; where none is sent, rustls still wants one, and the verifier takes another.
pub(super) fn handshake_name(tls: &TlsProbe) -> ServerName<'static> {
    let name = sent_name(tls).unwrap_or("target.invalid").to_owned();
    ServerName::try_from(name).expect("names that are sent were parsed before")
}

/// Evaluates whether the certificate shown is valid for the days wanted; 0 wants none.
pub(super) fn evaluate_days_left(
    clock: &Clock,
    wanted_days: u16,
    trace: &Trace,
) -> Result<(), Finding> {
    if wanted_days == 0 {
        return Ok(());
    }
    let Some(Shown { validity, .. }) = trace.shown() else {
        let why = "its validity cannot be read";
        return Err(Finding::Certificate(CertificateFault::Other(why.into())));
    };
    let now = clock.wall();
    let left = validity.until.since(now);
    let fault = if now > validity.until {
        let ago = now.since(validity.until);
        CertificateFault::Expired { ago }
    } else if now < validity.from {
        let ahead = validity.from.since(now);
        CertificateFault::NotYetValid { ahead }
    } else if left < Duration::from_secs(u64::from(wanted_days) * 86_400) {
        CertificateFault::EndsSoon { left, wanted_days }
    } else {
        return Ok(());
    };
    Err(Finding::Certificate(fault))
}
