//! The server's certificate: read from PEM files or made for the occasion, exchanged while connections go on.
//!
//! In: two paths, or the wish for a self-signed one. Out: [`Certificates`], from which every encrypted transport takes
//! its TLS settings. Never here: when to look at the files again.
//!
//! TLS settings hold a reference to the one place where the certificate is kept. An exchange replaces what is in that
//! place: handshakes from then on show the new certificate; connections that stand, and tickets for resumption, stay.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::clock::WallTime;
use crate::net::read_validity;
use rustls::{CipherSuite, ServerConfig};

/// ALPN of DNS over TLS, as registered for RFC 7858.
pub const ALPN_DOT: &[u8] = b"dot";
/// ALPN of HTTP/2 (RFC 9113, section 3.2).
pub const ALPN_H2: &[u8] = b"h2";
/// ALPN of HTTP/1.1 (RFC 7301, section 6).
pub const ALPN_HTTP_1_1: &[u8] = b"http/1.1";
/// ALPN of DNS over QUIC (RFC 9250, section 4.1.1).
pub const ALPN_DOQ: &[u8] = b"doq";

/// The largest PEM file in octets; a long chain has some 20,000.
const FILE_SIZE_MAX: u64 = 1 << 20;

/// The most certificates in a chain. Chosen; no standard value: clients give up earlier.
const CHAIN_MAX: usize = 16;

/// The suites with AES-128-GCM and SHA-256: of TLS 1.3, and of TLS 1.2 by kind of certificate.
const SUITE_TLS13: CipherSuite = CipherSuite::TLS13_AES_128_GCM_SHA256;
const SUITE_ECDSA: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
const SUITE_RSA: CipherSuite = CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;

/// Names of a self-signed certificate.
const SELF_SIGNED_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Source of the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// Made at the start, for `localhost`; no client trusts it.
    SelfSigned,
    /// Read from PEM files, and again when they change.
    Files {
        /// The chain, the server's own certificate first.
        certificate: PathBuf,
        /// Private key of that certificate.
        key: PathBuf,
    },
}

/// Reason why the certificate cannot be used, one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFault(String);

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CertificateFault {}

/// The certificate that new handshakes show.
#[derive(Debug)]
pub struct Certificates {
    source: CertificateSource,
    provider: Arc<CryptoProvider>,
    shown: RwLock<Arc<CertifiedKey>>,
}

impl Certificates {
    /// Reads or makes the certificate.
    ///
    /// # Errors
    /// If a file cannot be read, is not PEM, or the key does not belong to the certificate.
    pub fn load(source: CertificateSource) -> Result<Arc<Self>, CertificateFault> {
        let provider = Arc::new(provider());
        let shown = RwLock::new(obtain(&source, &provider)?);
        Ok(Arc::new(Self {
            source,
            provider,
            shown,
        }))
    }

    /// Returns the source of the certificate.
    pub fn source(&self) -> &CertificateSource {
        &self.source
    }

    /// Reads the files again and shows their certificate from now on; a self-signed one stays. Returns whether
    /// the certificate is another one than before.
    ///
    /// # Errors
    /// As for [`Certificates::load`]; the old certificate is shown on then.
    pub fn exchange(&self) -> Result<bool, CertificateFault> {
        if self.source == CertificateSource::SelfSigned {
            return Ok(false);
        }
        let new = obtain(&self.source, &self.provider)?;
        let mut shown = self.shown.write().unwrap_or_else(|torn| torn.into_inner());
        let is_other = shown.cert != new.cert;
        *shown = new;
        Ok(is_other)
    }

    /// Returns the chain that is shown now, the server's own certificate first.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.current().cert.clone()
    }

    /// Returns the end of validity (notAfter) of the certificate shown now; `None` if it cannot be read.
    pub fn not_after(&self) -> Option<WallTime> {
        let current = self.current();
        let validity = current.cert.first().and_then(|own| read_validity(own));
        validity.map(|validity| validity.until)
    }

    /// Makes the TLS settings of a transport: TLS 1.3 and 1.2, resumption by tickets, these protocols (ALPN).
    pub fn server_config(self: &Arc<Self>, protocols: &[&[u8]]) -> ServerConfig {
        let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&versions)
            .expect("the provider has suites for both versions");
        let resolver = Resolver(Arc::clone(self));
        let mut config = builder
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        config.ignore_client_order = true;
        // Each connection hands out the ticket of the next one; a second one costs as much as sealing some ten answers.
        config.send_tls13_tickets = 1;
        // Tickets keep nothing here; without random numbers for their key, sessions are kept in a bounded store.
        if let Ok(ticketer) = rustls::crypto::ring::Ticketer::new() {
            config.ticketer = ticketer;
        }
        config
    }

    fn current(&self) -> Arc<CertifiedKey> {
        let shown = self.shown.read().unwrap_or_else(|torn| torn.into_inner());
        Arc::clone(&shown)
    }
}

/// Makes the crypto that every encrypted transport uses, with AES-128-GCM and SHA-256 first: answers are short, so what a
/// suite costs is its key schedule, and processors hash SHA-256 several times as fast as SHA-384. The strength is that of
/// the usual certificates and key exchanges, 128 bits.
fn provider() -> CryptoProvider {
    let mut provider = rustls::crypto::ring::default_provider();
    // Stable: the order within each half stays.
    provider
        .cipher_suites
        .sort_by_key(|suite| !matches!(suite.suite(), SUITE_TLS13 | SUITE_ECDSA | SUITE_RSA));
    provider
}

/// Shows every client the one certificate, whatever name it asks for: resolvers ask by address (RFC 7858, section 4).
#[derive(Debug)]
struct Resolver(Arc<Certificates>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.current())
    }
}

fn obtain(
    source: &CertificateSource,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, CertificateFault> {
    let (chain, key, origin) = match source {
        CertificateSource::SelfSigned => {
            let (chain, key) = make_self_signed()?;
            (chain, key, "the self-signed certificate".to_owned())
        }
        CertificateSource::Files { certificate, key } => (
            read_chain(certificate)?,
            read_key(key)?,
            format!("{} and {}", certificate.display(), key.display()),
        ),
    };
    CertifiedKey::from_der(chain, key, provider)
        .map(Arc::new)
        .map_err(|cause| match cause {
            rustls::Error::InconsistentKeys(_) => CertificateFault(format!(
                "{origin}: the key does not belong to the certificate"
            )),
            other => CertificateFault(format!("{origin}: {other}")),
        })
}

fn make_self_signed()
-> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), CertificateFault> {
    let names = SELF_SIGNED_NAMES.map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names)
        .map_err(|cause| CertificateFault(format!("make a self-signed certificate: {cause}")))?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    Ok((vec![made.cert.der().clone()], key.into()))
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateFault> {
    let text = read_pem(path, "certificate")?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|cause| fault("certificate", path, &cause.to_string()))?;
    match chain.len() {
        0 => Err(fault("certificate", path, "no CERTIFICATE block in it")),
        1..=CHAIN_MAX => Ok(chain),
        count => {
            let message = format!("{count} certificates in it; at most {CHAIN_MAX} can be sent");
            Err(fault("certificate", path, &message))
        }
    }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateFault> {
    let text = read_pem(path, "key")?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|cause| match cause {
        rustls::pki_types::pem::Error::NoItemsFound => {
            fault("key", path, "no PRIVATE KEY block in it")
        }
        other => fault("key", path, &other.to_string()),
    })
}

fn read_pem(path: &Path, what: &str) -> Result<Vec<u8>, CertificateFault> {
    let size = std::fs::metadata(path).map(|found| found.len());
    match size {
        Ok(size) if size > FILE_SIZE_MAX => {
            let message = format!("it has {size} octets; the limit is {FILE_SIZE_MAX}");
            Err(fault(what, path, &message))
        }
        Ok(_) => std::fs::read(path).map_err(|cause| fault(what, path, &cause.to_string())),
        Err(cause) => Err(fault(what, path, &cause.to_string())),
    }
}

fn fault(what: &str, path: &Path, message: &str) -> CertificateFault {
    CertificateFault(format!("read {what} {}: {message}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(folder: &Path, name: &str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        let texts = (made.cert.pem(), made.signing_key.serialize_pem());
        std::fs::write(folder.join("chain.pem"), &texts.0).expect("written");
        std::fs::write(folder.join("key.pem"), &texts.1).expect("written");
        texts
    }

    fn files(folder: &Path) -> CertificateSource {
        CertificateSource::Files {
            certificate: folder.join("chain.pem"),
            key: folder.join("key.pem"),
        }
    }

    #[test]
    fn exchanges_a_good_pair_and_keeps_the_old_one_for_a_broken_pair() {
        let folder = tempfile::tempdir().expect("a folder");
        let (_, old_key) = pair(folder.path(), "one.example");
        let certificates = Certificates::load(files(folder.path())).expect("a good pair");
        let first = certificates.chain();
        assert_eq!(certificates.exchange(), Ok(false));

        pair(folder.path(), "two.example");
        assert_eq!(certificates.exchange(), Ok(true));
        let second = certificates.chain();
        assert_ne!(first, second);

        std::fs::write(folder.path().join("key.pem"), old_key).expect("written");
        let fault = certificates
            .exchange()
            .expect_err("keys differ")
            .to_string();
        assert!(fault.contains("does not belong to"), "{fault}");
        assert_eq!(certificates.chain(), second);
    }

    #[test]
    fn says_what_is_wrong_with_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let (chain, key) = pair(folder.path(), "one.example");
        let many = chain.repeat(CHAIN_MAX + 1);
        let cases = [
            ("", key.as_str(), "no CERTIFICATE block"),
            (key.as_str(), key.as_str(), "no CERTIFICATE block"),
            (chain.as_str(), "", "no PRIVATE KEY block"),
            (chain.as_str(), chain.as_str(), "no PRIVATE KEY block"),
            (many.as_str(), key.as_str(), "17 certificates"),
        ];
        for (chain, key, wanted) in cases {
            std::fs::write(folder.path().join("chain.pem"), chain).expect("written");
            std::fs::write(folder.path().join("key.pem"), key).expect("written");
            let fault = Certificates::load(files(folder.path())).expect_err(wanted);
            assert!(fault.to_string().contains(wanted), "{fault}");
        }
        let missing = Certificates::load(files(Path::new("/nowhere"))).expect_err("no file");
        assert!(
            missing
                .to_string()
                .starts_with("read certificate /nowhere/chain.pem: ")
        );
    }

    #[test]
    fn makes_a_certificate_of_its_own_that_stays() {
        let certificates = Certificates::load(CertificateSource::SelfSigned).expect("made");
        let chain = certificates.chain();
        assert_eq!(chain.len(), 1);
        assert_eq!(certificates.exchange(), Ok(false));
        assert_eq!(certificates.chain(), chain);
        let config = certificates.server_config(&[ALPN_H2, ALPN_HTTP_1_1]);
        assert_eq!(
            config.alpn_protocols,
            [b"h2".to_vec(), b"http/1.1".to_vec()]
        );
        assert!(config.ticketer.enabled());
    }
}
