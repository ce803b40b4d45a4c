//! Faults of TLS, in words that name the certificate, name or version at fault.
//!
//! In: errors of rustls, the certificates that the peer showed. Out: findings. Never here: verification.
//!
//! "Does not speak TLS" is the finding of octets that are no TLS record at all; bad TLS has findings of its own.

use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use super::trace::Trace;
use crate::clock::WallTime;
use crate::health::{CertificateFault, Finding};
use crate::net::{Validity, read_names, read_validity};

/// Returns the finding of an error of TLS.
pub(super) fn classify_tls(error: &Error, trace: &Trace) -> Finding {
    let failed = |why: &str| Finding::TlsFailed(why.into());
    match error {
        Error::InvalidCertificate(fault) => {
            let blamed = trace.blamed();
            Finding::Certificate(blamed.unwrap_or_else(|| describe(fault, None, &[])))
        }
        Error::NoCertificatesPresented => failed("the server showed no certificate"),
        // The first octets are no header of a record: plain text, another protocol.
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::InvalidEmptyPayload,
        ) if !trace.has_tls() => failed("the peer does not speak TLS on this port"),
        Error::InvalidMessage(
            InvalidMessage::HandshakePayloadTooLarge | InvalidMessage::CertificatePayloadTooLarge,
        ) => failed("the server's certificates are longer than 65,536 bytes together"),
        Error::InvalidMessage(InvalidMessage::MessageTooLarge) | Error::PeerSentOversizedRecord => {
            failed("the server sent a record that is longer than TLS allows")
        }
        Error::InvalidMessage(fault) => {
            Finding::TlsFailed(format!("the server sent a malformed message ({fault:?})").into())
        }
        Error::AlertReceived(alert) => Finding::TlsFailed(describe_alert(*alert, trace)),
        Error::PeerIncompatible(fault) => Finding::TlsFailed(describe_incompatible(fault)),
        Error::PeerMisbehaved(fault) => {
            Finding::TlsFailed(format!("the server broke the rules of TLS ({fault:?})").into())
        }
        Error::DecryptError => failed("a record of the server cannot be decrypted"),
        other => Finding::TlsFailed(other.to_string().into()),
    }
}

fn describe_alert(alert: AlertDescription, trace: &Trace) -> Box<str> {
    let what = match alert {
        AlertDescription::HandshakeFailure => {
            "no version, cipher or curve in common, or no certificate for the name".to_owned()
        }
        AlertDescription::ProtocolVersion => "it speaks neither TLS 1.2 nor 1.3".to_owned(),
        AlertDescription::InsufficientSecurity => "it wants stronger ciphers".to_owned(),
        AlertDescription::UnrecognisedName => match trace.sent_name() {
            Some(name) => format!("it has no certificate for the name {name} (SNI)"),
            None => "it wants a name (SNI): set `host` or `server-name`".to_owned(),
        },
        AlertDescription::CertificateRequired
        | AlertDescription::BadCertificate
        | AlertDescription::NoCertificate
        | AlertDescription::CertificateUnknown => {
            "it wants a certificate of the client, which checks do not have".to_owned()
        }
        AlertDescription::AccessDenied => "access denied".to_owned(),
        AlertDescription::InternalError => "an error of its own".to_owned(),
        AlertDescription::NoApplicationProtocol => {
            "it does not speak the protocol that is to follow (ALPN)".to_owned()
        }
        AlertDescription::RecordOverflow => "it found a record too long".to_owned(),
        other => format!("{other:?}"),
    };
    format!("the server refused: {what} (alert {})", u8::from(alert)).into()
}

fn describe_incompatible(fault: &PeerIncompatible) -> Box<str> {
    match fault {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => {
            "the server speaks neither TLS 1.2 nor 1.3".into()
        }
        PeerIncompatible::NoCipherSuitesInCommon
        | PeerIncompatible::NoKxGroupsInCommon
        | PeerIncompatible::NoSignatureSchemesInCommon => {
            format!("nothing in common with the server ({fault:?})").into()
        }
        PeerIncompatible::ExtendedMasterSecretExtensionRequired => {
            "the server lacks the extended master secret (RFC 7627)".into()
        }
        other => format!("the server is not compatible ({other:?})").into(),
    }
}

/// Describes the fault of the certificates that a peer showed, and which of them has it.
pub(super) fn describe(
    fault: &CertificateError,
    shown: Option<&CertificateDer<'_>>,
    above: &[CertificateDer<'_>],
) -> CertificateFault {
    let between = |from: &UnixTime, to: &UnixTime| {
        Duration::from_secs(to.as_secs().saturating_sub(from.as_secs()))
    };
    let other = |why: &str| CertificateFault::Other(why.into());
    match fault {
        CertificateError::ExpiredContext { time, not_after } => {
            let ago = between(not_after, time);
            let is_it = |validity: &Validity| secs(validity.until) == not_after.as_secs();
            blame(CertificateFault::Expired { ago }, shown, above, is_it)
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            let ahead = between(time, not_before);
            let is_it = |validity: &Validity| secs(validity.from) == not_before.as_secs();
            blame(CertificateFault::NotYetValid { ahead }, shown, above, is_it)
        }
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => CertificateFault::OtherNames {
            wanted: expected.to_str().into(),
            names: presented.iter().map(|name| plain_name(name)).collect(),
        },
        CertificateError::UnknownIssuer => {
            // The end of the chain is where an authority is missing.
            let last = above.last().or(shown).and_then(|der| read_names(der));
            match last {
                Some(names) => CertificateFault::UnknownIssuer {
                    is_self_signed: names.issuer == names.subject,
                    issuer: Some(names.issuer),
                },
                None => CertificateFault::UnknownIssuer {
                    issuer: None,
                    is_self_signed: false,
                },
            }
        }
        CertificateError::BadSignature => other("its signature does not fit its authority"),
        CertificateError::Revoked => other("it is revoked"),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            other("it is not for servers")
        }
        CertificateError::BadEncoding => other("it is malformed"),
        fault => CertificateFault::Other(fault.to_string().into()),
    }
}

/// Names the authority whose certificate has the fault, unless it is the peer's own.
fn blame(
    fault: CertificateFault,
    shown: Option<&CertificateDer<'_>>,
    above: &[CertificateDer<'_>],
    is_it: impl Fn(&Validity) -> bool,
) -> CertificateFault {
    let has_it =
        |der: &CertificateDer<'_>| read_validity(der).is_some_and(|validity| is_it(&validity));
    if shown.is_none_or(has_it) {
        return fault;
    }
    let to_blame = above.iter().find(|der| has_it(der));
    match to_blame.and_then(|der| read_names(der)) {
        Some(names) => CertificateFault::Authority {
            name: names.subject,
            fault: Box::new(fault),
        },
        None => fault,
    }
}

fn secs(wall: WallTime) -> u64 {
    u64::try_from(wall.millis() / 1000).unwrap_or(0)
}

/// Takes the name out of `DnsName("a.example")`, as rustls writes the names of a certificate.
fn plain_name(presented: &str) -> Box<str> {
    let inner = presented
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(presented).trim_matches('"').into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_names_that_rustls_presents() {
        let cases = [
            ("DnsName(\"a.example\")", "a.example"),
            ("IpAddress(192.0.2.1)", "192.0.2.1"),
            ("else", "else"),
        ];
        for (presented, wanted) in cases {
            assert_eq!(&*plain_name(presented), wanted);
        }
    }
}
