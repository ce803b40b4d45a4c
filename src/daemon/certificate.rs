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
