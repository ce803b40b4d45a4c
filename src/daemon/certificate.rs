//! The certificate of encrypted transports: loaded at the start, looked at with every reload.
//!
//! In: `[tls]` of the server file. Out: [`CertificateWatch`], which exchanges what is shown when its files change, and
//! keeps the old one where the new pair is broken. Never here: TLS.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{info, warn};

use crate::clock::WallTime;
use crate::config::server_file::{CertificateSetting, TlsSettings};
use crate::server::{CertificateFault, CertificateSource, Certificates};

use super::files::{Stamp, stamp};
use super::loading::{When, are_settled};

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
    /// How they looked at the last look; a pair is taken when both files are settled.
    looked: Option<Vec<Option<Stamp>>>,
    fault: Option<CertificateFault>,
    /// For how many days left there was a warning last.
    warned_of: Option<i64>,
}

/// Milliseconds of a day.
const MILLIS_A_DAY: f64 = 86_400_000.0;

/// From so many days left on there are warnings, one a day. Chosen; no standard value: certificates of 90 days are mostly
/// renewed when 30 are left, and those of six days have their own watch.
const WARNING_DAYS: i64 = 14;

impl CertificateWatch {
    /// Loads the certificate, if there is to be one.
    ///
    /// # Errors
    /// If it cannot be read or does not fit its key.
    pub(super) fn start(
        settings: &TlsSettings,
        wall: WallTime,
    ) -> Result<Option<Arc<Self>>, CertificateFault> {
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
        let mut seen = Seen {
            stamps,
            looked: None,
            fault: None,
            warned_of: None,
        };
        seen.warn_of_end(&certificates, wall);
        Ok(Some(Arc::new(Self {
            certificates,
            files,
            seen: Mutex::new(seen),
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

    /// Says when the certificate ends if that is near or past, for an alarm.
    pub(super) fn near_end(&self, wall: WallTime) -> Option<String> {
        if *self.certificates.source() == CertificateSource::SelfSigned {
            return None;
        }
        let end = self.certificates.not_after()?;
        let days = days_left(end, wall);
        let text = if days < 0.0 {
            format!("the certificate ended at {end}")
        } else {
            format!("the certificate ends at {end}")
        };
        (days < WARNING_DAYS as f64).then_some(text)
    }

    /// Returns the days until the certificate ends that is shown now, less than 0 if it has ended.
    pub(super) fn days_left(&self, wall: WallTime) -> Option<f64> {
        Some(days_left(self.certificates.not_after()?, wall))
    }

    /// Exchanges the certificate if its files are new, or in any case if asked for, and warns of its end. Reads files.
    pub(super) fn look(&self, when: When, wall: WallTime) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.exchange(&mut seen, when);
        seen.warn_of_end(&self.certificates, wall);
    }

    fn exchange(&self, seen: &mut Seen, when: When) {
        let stamps: Vec<_> = self.files.iter().map(|file| stamp(file)).collect();
        let before = seen.looked.replace(stamps.clone());
        let is_done = || are_settled(&stamps, &seen.stamps, before.as_deref());
        if when == When::Changed && (stamps == seen.stamps || !is_done()) {
            return;
        }
        seen.stamps = stamps;
        seen.fault = match self.certificates.exchange() {
            Ok(true) => {
                info!("new certificate: shown to every client that connects from now on");
                None
            }
            Ok(false) => None,
            Err(fault) => Some(fault),
        };
    }
}

impl Seen {
    /// Warns once a day while the end is near or past; returns whether it did.
    fn warn_of_end(&mut self, certificates: &Certificates, wall: WallTime) -> bool {
        // Nobody is meant to trust one of our own.
        if *certificates.source() == CertificateSource::SelfSigned {
            return false;
        }
        let Some(end) = certificates.not_after() else {
            return false;
        };
        let days = days_left(end, wall).floor() as i64;
        let is_near = days < WARNING_DAYS;
        let is_new = is_near && self.warned_of != Some(days);
        self.warned_of = is_near.then_some(days);
        if is_new && days < 0 {
            warn!("the certificate ended at {end}: clients refuse it; renew it");
        } else if is_new {
            warn!("the certificate ends at {end}, in {days} days; renew it");
        }
        is_new
    }
}

fn days_left(end: WallTime, wall: WallTime) -> f64 {
    (end.millis() - wall.millis()) as f64 / MILLIS_A_DAY
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: WallTime = WallTime::from_millis(1_800_000_000_000);

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
        let watch = CertificateWatch::start(&settings, NOW)
            .expect("a good pair")
            .expect("a certificate is wanted");
        let first = watch.certificates().chain();
        watch.look(When::Changed, NOW);
        assert_eq!(watch.certificates().chain(), first);

        // Names of other lengths: files of another size are new, however coarse their times are.
        renew("second.example");
        watch.look(When::Changed, NOW);
        assert_eq!(
            watch.certificates().chain(),
            first,
            "it may still be written"
        );
        watch.look(When::Changed, NOW);
        let second = watch.certificates().chain();
        assert_ne!(second, first);

        std::fs::write(&certificate, "broken").expect("written");
        watch.look(When::Changed, NOW);
        assert_eq!(watch.fault(), None, "the new one may not be whole");
        watch.look(When::Changed, NOW);
        let fault = watch.fault().expect("it is broken");
        assert!(fault.contains("no CERTIFICATE block"), "{fault}");
        assert_eq!(watch.certificates().chain(), second);

        renew("third-of-them.example");
        watch.look(When::Always, NOW);
        assert_eq!(watch.fault(), None);
        assert_ne!(watch.certificates().chain(), second);
    }

    #[test]
    fn needs_no_certificate_where_none_is_configured() {
        let none = CertificateWatch::start(&TlsSettings::default(), NOW);
        assert!(none.expect("no fault").is_none());
        let settings = TlsSettings {
            certificate: Some(CertificateSetting::SelfSigned),
            ..TlsSettings::default()
        };
        let watch = CertificateWatch::start(&settings, NOW)
            .expect("made")
            .expect("wanted");
        let chain = watch.certificates().chain();
        watch.look(When::Always, NOW);
        assert_eq!(watch.certificates().chain(), chain);
    }
    #[test]
    fn warns_once_a_day_when_the_end_is_near() {
        let folder = tempfile::tempdir().expect("a folder");
        let (certificate, key) = (folder.path().join("chain"), folder.path().join("key"));
        let mut terms =
            rcgen::CertificateParams::new(vec!["a.example".to_owned()]).expect("a name");
        terms.not_after = rcgen::date_time_ymd(2030, 6, 30);
        let pair = rcgen::KeyPair::generate().expect("a key");
        let made = terms.self_signed(&pair).expect("made");
        std::fs::write(&certificate, made.pem()).expect("written");
        std::fs::write(&key, pair.serialize_pem()).expect("written");
        let certificates =
            Certificates::load(CertificateSource::Files { certificate, key }).expect("a pair");
        let end = certificates.not_after().expect("a certificate");
        let mut seen = Seen {
            stamps: Vec::new(),
            looked: None,
            fault: None,
            warned_of: None,
        };
        let hour = 3_600_000;
        let cases = [
            ("long before", 60 * 24, false),
            ("on the last quiet day", 14 * 24, false),
            ("a fortnight before", 14 * 24 - 1, true),
            ("two hours later", 14 * 24 - 3, false),
            ("the next day", 13 * 24 - 2, true),
            ("on the last day", 5, true),
            ("after the end", -1, true),
            ("still", -2, false),
        ];
        for (name, hours_left, wanted) in cases {
            let wall = WallTime::from_millis(end.millis() - hours_left * hour);
            assert_eq!(seen.warn_of_end(&certificates, wall), wanted, "{name}");
        }
    }
}
