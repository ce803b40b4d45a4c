//! `ca`: the file of authorities that a check trusts.
//!
//! In: a file inside the zones folder. Out: PEM text that a probe can be made with, or what is wrong with it, at once and
//! not when the probe is to run. Never here: verification.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::reader::Reader;
use super::request_text::read_zone_file;
use crate::config::values::Value;
use crate::diagnostic::{Diagnostic, Severity};

pub(super) fn read_ca(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<String> {
    let text = reader.faults.text(value)?;
    let pem = read_zone_file(reader, value, text, Severity::Fault, "")?;
    let Some(fault) = validate_authorities(&pem) else {
        return Some(pem);
    };
    reader.faults.push(
        Diagnostic::fault(
            "L040",
            value.span(),
            &value.path,
            format!("`{text}` {fault}"),
        )
        .label("this file")
        .help("PEM text with `-----BEGIN CERTIFICATE-----` is wanted"),
    );
    None
}

/// Says what is wrong with a file of authorities, if anything is.
fn validate_authorities(pem: &str) -> Option<String> {
    let mut count = 0;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        count += 1;
        let usable = match certificate {
            Ok(certificate) => roots.add(certificate).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(why) = usable {
            return Some(format!(
                "holds a certificate, number {count}, that cannot be used: {why}"
            ));
        }
    }
    (count == 0).then(|| "holds no certificate".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_only_what_probes_can_trust() {
        // F48: a file of garbage between the right lines made probes that never ran.
        let mut params = rcgen::CertificateParams::new(vec![]).expect("no names");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().expect("a key");
        let good = params.self_signed(&key).expect("a certificate").pem();
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let cut = &good[..good.len() / 2];
        let broken = "-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n";
        let cases = [
            (good.clone(), None),
            (format!("# mine\n{good}{good}"), None),
            (String::new(), Some("holds no certificate")),
            (key.serialize_pem(), Some("holds no certificate")),
            (garbage.to_owned(), Some("holds a certificate, number 1,")),
            (
                format!("{good}{garbage}"),
                Some("holds a certificate, number 2,"),
            ),
            (cut.to_owned(), Some("holds a certificate, number 1,")),
            (broken.to_owned(), Some("holds a certificate, number 1,")),
        ];
        for (pem, wanted) in cases {
            let found = validate_authorities(&pem);
            match wanted {
                None => assert_eq!(found, None, "{pem}"),
                Some(wanted) => {
                    let found = found.expect(wanted);
                    assert!(found.starts_with(wanted), "{pem}: {found}");
                }
            }
        }
    }
}
