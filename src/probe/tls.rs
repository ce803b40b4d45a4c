//! TLS of probes: authorities trusted, the name that must be covered, the validity of the certificate.
//!
//! In: TLS settings of a check. Out: rustls configurations. Never here: connections.

use std::sync::{Arc, Once};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use super::tls_fault::describe;
use super::trace::Trace;
use crate::clock::WallTime;
use crate::health::{Finding, TlsProbe};
use crate::net::read_validity;

/// TLS settings that two checks must have in common to share a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TlsProfile {
    /// True if certificates are verified.
    pub(super) verify: bool,
    /// True if the name is sent in the handshake.
    pub(super) send_name: bool,
    /// Authorities to trust instead of the system's, PEM.
    pub(super) ca_pem: Option<String>,
}

impl TlsProfile {
    pub(super) fn of(tls: &TlsProbe) -> Self {
        Self {
            verify: tls.verify,
            send_name: sent_name(tls).is_some(),
            // Without verification nobody is trusted, so the text makes no difference.
            ca_pem: tls.ca_pem.clone().filter(|_| tls.verify),
        }
    }
}

/// Returns the name that goes into the handshake; addresses do not (RFC 6066, section 3).
pub(super) fn sent_name(tls: &TlsProbe) -> Option<&str> {
    let name = tls.server_name.as_deref()?;
    matches!(ServerName::try_from(name), Ok(ServerName::DnsName(_))).then_some(name)
}

/// Returns the name that the certificate must cover, `None` without verification, or the reason why there is none.
pub(super) fn verified_name(tls: &TlsProbe) -> Result<Option<ServerName<'static>>, Finding> {
    if !tls.verify {
        return Ok(None);
    }
    let Some(name) = &tls.server_name else {
        let why = "there is no name to verify the certificate for; set `host` or `server-name`";
        return Err(Finding::NotFeasible(why.into()));
    };
    match ServerName::try_from(name.clone()) {
        Ok(name) => Ok(Some(name)),
        Err(_) => {
            let why = format!("{name:?} is no name that a certificate can be for");
            Err(Finding::NotFeasible(why.into()))
        }
    }
}

/// Makes ring the default provider. One provider serves the whole process.
pub(super) fn install_provider() {
    static ONCE: Once = Once::new();
    // If somebody was quicker, theirs is the default and ours is still what this module names.
    ONCE.call_once(|| drop(ring::default_provider().install_default()));
}

/// Loads the system's certificate authorities. An empty store is not an error here: verification with it is refused
/// with [`Finding::NoAuthorities`].
pub(super) fn load_system_roots() -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Arc::new(roots)
}

/// Makes the configuration for a profile, which resumes no sessions.
pub(super) fn make_config(
    profile: &TlsProfile,
    system_roots: impl FnOnce() -> Arc<RootCertStore>,
) -> Result<ClientConfig, Finding> {
    let provider = Arc::new(ring::default_provider());
    let mut pinned = Vec::new();
    let inner = match (profile.verify, &profile.ca_pem) {
        (false, _) => None,
        (true, None) => Some(system_roots()),
        (true, Some(pem)) => {
            pinned = read_certificates(pem)?;
            Some(Arc::new(trust(&pinned)?))
        }
    };
    let inner = match inner {
        None => None,
        Some(roots) if roots.is_empty() => return Err(Finding::NoAuthorities),
        Some(roots) => Some(make_verifier(roots, &provider)?),
    };
    let verifier = Verifier {
        inner,
        pinned,
        algorithms: provider.signature_verification_algorithms,
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Finding::NotFeasible(error.to_string().into()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.enable_sni = profile.send_name;
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

fn make_verifier(
    roots: Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Finding> {
    WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider))
        .build()
        .map_err(|error| Finding::NotFeasible(error.to_string().into()))
}

fn read_certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, Finding> {
    let infeasible = |why: String| Finding::NotFeasible(why.into());
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let certificates =
        certificates.map_err(|error| infeasible(format!("`ca` is no PEM text: {error}")))?;
    match certificates.is_empty() {
        true => Err(infeasible("`ca` holds no certificate".to_owned())),
        false => Ok(certificates),
    }
}

fn trust(certificates: &[CertificateDer<'static>]) -> Result<RootCertStore, Finding> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.clone()).map_err(|error| {
            let why = format!("`ca` holds a certificate that cannot be used: {error}");
            Finding::NotFeasible(why.into())
        })?;
    }
    Ok(roots)
}

/// Verifies certificates, if at all, for the name in the [`Trace`] under way, and notes their validity there.
#[derive(Debug)]
struct Verifier {
    /// `None` accepts everything.
    inner: Option<Arc<WebPkiServerVerifier>>,
    /// The certificates of `ca`. A server may show one of them itself: a self-signed certificate there means just that,
    /// and path building would refuse it if it is marked as an authority's.
    pinned: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let trace = Trace::current();
        if let Some(trace) = &trace {
            trace.note_tls();
            trace.show(read_validity(end_entity));
        }
        let Some(inner) = &self.inner else {
            return Ok(ServerCertVerified::assertion());
        };
        let wanted = trace.as_ref().and_then(|trace| trace.wanted_name.as_ref());
        let wanted = wanted.unwrap_or(server_name);
        let verified = if self.pinned.contains(end_entity) {
            verify_pinned(end_entity, wanted, now)
        } else {
            inner.verify_server_cert(end_entity, intermediates, wanted, ocsp_response, now)
        };
        if let (Err(rustls::Error::InvalidCertificate(fault)), Some(trace)) = (&verified, &trace) {
            trace.blame(describe(fault, Some(end_entity), intermediates));
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match &self.inner {
            Some(_) => rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms),
            None => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match &self.inner {
            Some(_) => rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms),
            None => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Verifies validity and names of a certificate that is trusted as it is.
fn verify_pinned(
    end_entity: &CertificateDer<'_>,
    wanted: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, rustls::Error> {
    let validity = read_validity(end_entity).ok_or(CertificateError::BadEncoding)?;
    let unix = |wall: WallTime| {
        let secs = u64::try_from(wall.millis() / 1000).unwrap_or(0);
        UnixTime::since_unix_epoch(Duration::from_secs(secs))
    };
    let (not_before, not_after) = (unix(validity.from), unix(validity.until));
    if now < not_before {
        let time = now;
        return Err(CertificateError::NotValidYetContext { time, not_before }.into());
    }
    if now > not_after {
        let time = now;
        return Err(CertificateError::ExpiredContext { time, not_after }.into());
    }
    verify_server_name(&ParsedCertificate::try_from(end_entity)?, wanted)?;
    Ok(ServerCertVerified::assertion())
}
