//! Certificates made for a test: authorities, those they vouch for, and TLS settings of servers that show them.
//!
//! In: names and days. Out: certificates, keys, settings. Never here: sockets.

use std::sync::Arc;
use std::time::Duration;

use leeward::clock::Clock;
use leeward::health::TlsProbe;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WantsServerCert;
use rustls::{ConfigBuilder, ServerConfig, SupportedProtocolVersion};

/// A certificate and its key.
pub(crate) struct Identity {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: KeyPair,
}

/// An authority, and servers that it vouches for.
pub(crate) struct Authority {
    pub(crate) issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(vec![]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Certifies these names for days counted from today.
    pub(crate) fn certify(&self, names: &[&str], from_days: i64, until_days: i64) -> Identity {
        let params = certificate_params(names, from_days, until_days);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        Identity {
            certificate: certificate.der().clone(),
            key,
        }
    }

    /// Makes a check's TLS settings that trust this authority alone.
    pub(crate) fn trusted(&self, name: &str) -> TlsProbe {
        TlsProbe {
            server_name: Some(name.into()),
            verify: true,
            ca_pem: Some(self.pem.clone()),
        }
    }
}

pub(crate) fn certificate_params(
    names: &[&str],
    from_days: i64,
    until_days: i64,
) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    let today = Clock::start().wall().millis() / 86_400_000;
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let day = |days: i64| {
        let secs = u64::try_from((today + days) * 86_400).expect("after 1970");
        epoch + Duration::from_secs(secs)
    };
    params.not_before = day(from_days);
    params.not_after = day(until_days);
    params
}

impl Identity {
    /// Makes settings of a server that shows this certificate.
    pub(crate) fn server(&self) -> ServerConfig {
        self.server_by(rustls::ALL_VERSIONS)
    }

    /// Does so for these versions alone.
    pub(crate) fn server_by(&self, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        let builder = server_builder(versions).with_no_client_auth();
        self.shown_by(builder)
    }

    pub(crate) fn shown_by(
        &self,
        builder: ConfigBuilder<ServerConfig, WantsServerCert>,
    ) -> ServerConfig {
        show(builder, vec![self.certificate.clone()], &self.key)
    }
}

pub(crate) fn server_builder(
    versions: &[&'static SupportedProtocolVersion],
) -> ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider);
    builder.with_protocol_versions(versions).expect("suites")
}

/// Completes settings with a chain and the key of its first certificate.
pub(crate) fn show(
    builder: ConfigBuilder<ServerConfig, WantsServerCert>,
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
) -> ServerConfig {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    builder.with_single_cert(chain, key).expect("a certificate")
}
