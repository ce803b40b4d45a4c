//! `certificate` and `key` of `[tls]`, which make one setting.
//!
//! In: two values. Out: a [`CertificateSetting`]. Never here: what is missing; the rules between keys say that.

use std::path::PathBuf;

use super::forms::{File, Form, Setting};
use super::serving_options::CertificateSetting;
use super::settings::ServerConfig;
use crate::config::show::quote;
use crate::config::values::{Faults, Value};

/// The chain, or the word for one that is made at the start.
pub(super) struct Certificate;

impl Setting for Certificate {
    fn read(&self, value: &Value<'_>, config: &mut ServerConfig, faults: &mut Faults<'_>) {
        let is_word = value.as_str() == Some(CertificateSetting::SELF_SIGNED);
        config.tls.certificate = if is_word {
            Some(CertificateSetting::SelfSigned)
        } else {
            let file = File.read(value, &config.base, faults);
            file.map(|certificate| CertificateSetting::Files {
                certificate,
                key: PathBuf::new(),
            })
        };
    }

    fn show(&self, config: &mut ServerConfig) -> Option<String> {
        match config.tls.certificate.as_ref()? {
            CertificateSetting::SelfSigned => Some(quote(CertificateSetting::SELF_SIGNED)),
            CertificateSetting::Files { certificate, .. } => File.show(certificate, &config.base),
        }
    }

    fn take(&self, config: &mut ServerConfig, from: &mut ServerConfig) {
        config.tls.certificate.clone_from(&from.tls.certificate);
    }

    fn bounds(&self) -> Option<(String, String)> {
        None
    }
}

/// The private key of the chain.
pub(super) struct PrivateKey;

impl Setting for PrivateKey {
    fn read(&self, value: &Value<'_>, config: &mut ServerConfig, faults: &mut Faults<'_>) {
        let file = File.read(value, &config.base, faults);
        if let (Some(CertificateSetting::Files { key, .. }), Some(file)) =
            (&mut config.tls.certificate, file)
        {
            *key = file;
        }
    }

    fn show(&self, config: &mut ServerConfig) -> Option<String> {
        match config.tls.certificate.as_ref()? {
            CertificateSetting::SelfSigned => None,
            CertificateSetting::Files { key, .. } => File.show(key, &config.base),
        }
    }

    fn take(&self, config: &mut ServerConfig, from: &mut ServerConfig) {
        Certificate.take(config, from);
    }

    fn bounds(&self) -> Option<(String, String)> {
        None
    }
}
