//! How the server behaves beside its data, from settings and the file of cookie secrets.
//!
//! In: the server's configuration, the secret file. Out: a [`ServingOptions`] to publish. Never here: answers, or a secret in
//! a log.

use std::fs;
use std::path::{Path, PathBuf};

use tracing::warn;

use crate::answer::{
    Cookies, Identity, Prefixes, RateLimits, Rates, ServingOptions, WithoutCookie,
};
use crate::config::server_file::ServerConfig;
use crate::wire::{CookieSecrets, SECRET_LEN};

use crate::daemon::durable::{self, Readers};
use crate::daemon::files::{Stamp, stamp};

/// Name of the secret file in the state folder.
const SECRET_FILE: &str = "cookie-secrets";
/// Largest secret file in octets: two secrets and a few words.
const SIZE_MAX: u64 = 65_536;

/// Cookie secrets, and which version of their file they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrets {
    /// The secrets; `None` if cookies are off.
    pub(super) current: Option<CookieSecrets>,
    stamp: Option<Stamp>,
}

impl Secrets {
    /// Reads the secrets at the start. Without a file of the operator's one is made and kept in the state folder; if
    /// that cannot be written, or there is none, it lives as long as the process: cookies are made anew then. So it is,
    /// too, while the operator's file cannot be used: the second value says why.
    ///
    /// # Errors
    /// If the system gives no random octets.
    pub(super) fn start(config: &ServerConfig) -> Result<(Self, Option<String>), String> {
        if !config.cookies.is_enabled {
            return Ok((Self::default(), None));
        }
        let passing = |stamp| -> Result<Self, String> {
            let current = Some(CookieSecrets::new(new_secret()?, None));
            Ok(Self { current, stamp })
        };
        if let Some(path) = &config.cookies.secret_file {
            return match Self::read(path) {
                Ok(secrets) => Ok((secrets, None)),
                // Without a stamp each look reads the file again.
                Err(fault) => Ok((passing(None)?, Some(fault))),
            };
        }
        if let Some(path) = secret_path(config) {
            match make_file(&path).and_then(|()| Self::read(&path)) {
                Ok(kept) => return Ok((kept, None)),
                Err(fault) => warn!("{fault}; cookies end with this process"),
            }
        }
        let stamp = secret_path(config).and_then(|path| stamp(&path));
        Ok((passing(stamp)?, None))
    }

    /// Reads the secrets again if their file is another one now; `None` if it is not.
    ///
    /// # Errors
    /// If the file cannot be read or understood.
    pub(super) fn renew(&self, config: &ServerConfig) -> Result<Option<Self>, String> {
        let is_unread = config.cookies.secret_file.is_some() && self.stamp.is_none();
        match secret_path(config) {
            Some(path)
                if config.cookies.is_enabled && (is_unread || stamp(&path) != self.stamp) =>
            {
                Self::read(&path).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn read(path: &Path) -> Result<Self, String> {
        // The stamp first: what is written meanwhile is read again at the next look.
        let stamp = stamp(path);
        let fault = |cause: String| format!("cookie secrets {}: {cause}", path.display());
        let size = fs::metadata(path).map_err(|cause| fault(cause.to_string()))?;
        if size.len() > SIZE_MAX {
            return Err(fault("the file is too large for two secrets".to_owned()));
        }
        let text = fs::read_to_string(path).map_err(|cause| fault(cause.to_string()))?;
        Ok(Self {
            current: Some(CookieSecrets::parse(&text).map_err(fault)?),
            stamp,
        })
    }
}

fn secret_path(config: &ServerConfig) -> Option<PathBuf> {
    let kept = || Some(config.state.as_ref()?.join(SECRET_FILE));
    config.cookies.secret_file.clone().or_else(kept)
}

fn new_secret() -> Result<[u8; SECRET_LEN], String> {
    let mut secret = [0; SECRET_LEN];
    getrandom::fill(&mut secret).map_err(|cause| format!("make a cookie secret: {cause}"))?;
    Ok(secret)
}

/// Writes a secret file that only the owner can read, if there is none.
fn make_file(path: &Path) -> Result<(), String> {
    let is_there = path.try_exists();
    if is_there.map_err(|cause| format!("look for {}: {cause}", path.display()))? {
        return Ok(());
    }
    let secret = new_secret()?;
    let digits: String = secret.iter().map(|octet| format!("{octet:02x}")).collect();
    let text = format!(
        "# Makes and checks cookies; a second line holds one that is only checked.\n{digits}\n"
    );
    durable::replace(path, text.as_bytes(), Readers::Owner)
}

/// Returns the number of UDP threads.
pub(in crate::daemon) fn count_workers(config: &ServerConfig) -> usize {
    let count_cores = || std::thread::available_parallelism().map_or(1, usize::from);
    config.workers.unwrap_or_else(count_cores)
}

/// Puts settings and secrets together; `workers` share the rate of UDP answers.
pub(super) fn compose(config: &ServerConfig, secrets: &Secrets, workers: usize) -> ServingOptions {
    let without = if config.cookies.is_required {
        WithoutCookie::BadCookie
    } else {
        WithoutCookie::Answer
    };
    let identity = &config.identity;
    let limit = &config.rate_limit;
    let narrow = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    ServingOptions {
        payload_size: u16::try_from(config.udp.payload_size).unwrap_or(u16::MAX),
        cookies: secrets
            .current
            .clone()
            .map(|secrets| Cookies { secrets, without }),
        identity: Identity::new(
            identity.nsid_octets().as_deref(),
            identity.hostname.as_deref(),
            identity.version.as_deref(),
        ),
        idle_timeout: config.tcp.idle_timeout,
        has_extended_errors: config.has_extended_errors,
        amplification_max: u8::try_from(config.udp.amplification_max)
            .ok()
            .filter(|times| *times > 0),
        rate: limit.is_enabled.then(|| {
            RateLimits::new(
                Rates {
                    each: narrow(limit.answers_per_second),
                    total: narrow(limit.total()),
                },
                workers,
                limit.slip.min(usize::from(u8::MAX)) as u8,
                Prefixes::new(&limit.allow),
            )
        }),
        reasons: None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn config(state: Option<&Path>) -> ServerConfig {
        ServerConfig {
            state: state.map(Path::to_path_buf),
            ..ServerConfig::default()
        }
    }

    #[test]
    fn keeps_one_secret_over_a_restart_and_lets_nobody_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(Some(&folder.path().join("new")));
        let (first, _) = Secrets::start(&config).expect("a secret");
        let (second, _) = Secrets::start(&config).expect("the same secret");
        assert!(first.current.is_some() && first.current == second.current);
        let path = secret_path(&config).expect("a path");
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(first.renew(&config).expect("a file").is_none());
        // A folder that cannot be written stops nothing.
        let config = self::config(Some(&path));
        let (in_memory, _) = Secrets::start(&config).expect("a secret in memory");
        assert!(in_memory.current.is_some());
        assert!(in_memory.renew(&config).expect("no file").is_none());
    }

    #[test]
    fn takes_new_secrets_and_says_what_is_wrong_with_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets");
        let mut config = config(None);
        config.cookies.secret_file = Some(path.clone());
        let (without, fault) = Secrets::start(&config).expect("a secret in memory");
        assert!(without.current.is_some() && fault.expect("no file").contains("secrets"));
        assert!(without.renew(&config).is_err(), "each look tells");
        fs::write(&path, "e5e973e5a6b2a43f48e7dc849e37bfcf\n").expect("a writable folder");
        let mended = without.renew(&config).expect("a secret");
        let (first, fault) = Secrets::start(&config).expect("a secret");
        assert_eq!(fault, None);
        assert_eq!(mended.expect("a new one").current, first.current);
        fs::write(
            &path,
            "445536bcd2513298075a5d379663c962\ne5e973e5a6b2a43f48e7dc849e37bfcf",
        )
        .expect("a writable folder");
        let second = first
            .renew(&config)
            .expect("two secrets")
            .expect("new ones");
        assert_ne!(first.current, second.current);
        fs::write(&path, "445536").expect("a writable folder");
        let fault = second.renew(&config).expect_err("half a secret");
        assert!(
            fault.contains("line 1") && !fault.contains("445536"),
            "{fault}"
        );
        fs::remove_file(&path).expect("a writable folder");
        assert!(second.renew(&config).is_err());
    }

    #[test]
    fn follows_the_settings() {
        let mut config = config(None);
        let (secrets, _) = Secrets::start(&config).expect("a secret in memory");
        let serving = compose(&config, &secrets, 2);
        assert_eq!(
            (serving.payload_size, serving.amplification_max),
            (1232, Some(4))
        );
        assert!(serving.rate.is_some() && serving.cookies.is_some());
        assert_eq!(serving.identity, Identity::default());
        config.cookies.is_enabled = false;
        config.rate_limit.is_enabled = false;
        config.udp.amplification_max = 0;
        let (secrets, _) = Secrets::start(&config).expect("none is wanted");
        let serving = compose(&config, &secrets, 2);
        assert_eq!(serving.amplification_max, None);
        assert!(serving.rate.is_none() && serving.cookies.is_none());
    }
}
