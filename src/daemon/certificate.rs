//! The certificate of encrypted transports: loaded at the start, looked at with every reload.
//!
//! In: `[tls]` of the server file. Out: [`CertificateWatch`], which exchanges what is shown when its files change, and
//! keeps the old one where the new pair is broken. Never here: TLS.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{info, warn};

use crate::config::server_file::{CertificateSetting, TlsSettings};
use crate::server::{CertificateFault, CertificateSource, Certificates};

use super::files::{Stamp, stamp};
use super::reload::When;

/// A certificate with the files that it comes from.
#[derive(Debug)]
pub(super) struct CertificateWatch {
    certificates: Arc<Certificates>,
    files: Vec<PathBuf>,
    seen: Mutex<Seen>,
}

/// What was found when the files were looked at last.
#[derive(Debug)]
struct Seen {
    stamps: Vec<Option<Stamp>>,
    fault: Option<CertificateFault>,
}

impl CertificateWatch {
    /// Loads the certificate, if there is to be one.
    ///
    /// # Errors
    /// If it cannot be read or does not fit its key.
    pub(super) fn start(settings: &TlsSettings) -> Result<Option<Arc<Self>>, CertificateFault> {
        let (source, files) = match &settings.certificate {
            None => return Ok(None),
            Some(CertificateSetting::SelfSigned) => (CertificateSource::SelfSigned, Vec::new()),
            Some(CertificateSetting::Files { certificate, key }) => {
                let source = CertificateSource::Files {
                    certificate: certificate.clone(),
                    key: key.clone(),
                };
                (source, vec![certificate.clone(), key.clone()])
            }
        };
        let stamps = files.iter().map(|file| stamp(file)).collect();
        let certificates = Certificates::load(source)?;
        Ok(Some(Arc::new(Self {
            certificates,
            files,
            seen: Mutex::new(Seen {
                stamps,
                fault: None,
            }),
        })))
    }

    /// Returns what transports show.
    pub(super) fn certificates(&self) -> Arc<Certificates> {
        Arc::clone(&self.certificates)
    }

    /// Returns why the files cannot be used as they are now, if so.
    pub(super) fn fault(&self) -> Option<String> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.fault.as_ref().map(ToString::to_string)
    }

    /// Exchanges the certificate if its files are new, or in any case if asked for. Reads files.
    pub(super) fn look(&self, when: When) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps: Vec<_> = self.files.iter().map(|file| stamp(file)).collect();
        if when == When::Changed && stamps == seen.stamps {
            return;
        }
        seen.stamps = stamps;
        let fault = match self.certificates.exchange() {
            Ok(true) => {
                info!("new certificate: shown to every client that connects from now on");
                None
            }
            Ok(false) => None,
            Err(fault) => Some(fault),
        };
        // Once, not at every look.
        if let Some(fault) = fault
            .as_ref()
            .filter(|fault| seen.fault.as_ref() != Some(fault))
        {
            warn!("{fault}; the certificate is shown as before");
        }
        seen.fault = fault;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_good_files_and_outlives_broken_ones() {
        let folder = tempfile::tempdir().expect("a folder");
        let (certificate, key) = (folder.path().join("chain"), folder.path().join("key"));
        let renew = |name: &str| {
            let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("made");
            std::fs::write(&certificate, made.cert.pem()).expect("written");
            std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
        };
        renew("one.example");
        let settings = TlsSettings {
            certificate: Some(CertificateSetting::Files {
                certificate: certificate.clone(),
                key: key.clone(),
            }),
            ..TlsSettings::default()
        };
        let watch = CertificateWatch::start(&settings)
            .expect("a good pair")
            .expect("a certificate is wanted");
        let first = watch.certificates().chain();
        watch.look(When::Changed);
        assert_eq!(watch.certificates().chain(), first);

        // Names of other lengths: files of another size are new, however coarse their times are.
        renew("second.example");
        watch.look(When::Changed);
        let second = watch.certificates().chain();
        assert_ne!(second, first);

        std::fs::write(&certificate, "broken").expect("written");
        watch.look(When::Changed);
        let fault = watch.fault().expect("it is broken");
        assert!(fault.contains("no CERTIFICATE block"), "{fault}");
        assert_eq!(watch.certificates().chain(), second);

        renew("third-of-them.example");
        watch.look(When::Always);
        assert_eq!(watch.fault(), None);
        assert_ne!(watch.certificates().chain(), second);
    }

    #[test]
    fn needs_no_certificate_where_none_is_configured() {
        let none = CertificateWatch::start(&TlsSettings::default());
        assert!(none.expect("no fault").is_none());
        let settings = TlsSettings {
            certificate: Some(CertificateSetting::SelfSigned),
            ..TlsSettings::default()
        };
        let watch = CertificateWatch::start(&settings)
            .expect("made")
            .expect("wanted");
        let chain = watch.certificates().chain();
        watch.look(When::Always);
        assert_eq!(watch.certificates().chain(), chain);
    }
}
