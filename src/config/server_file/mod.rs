//! The server file, `leeward.toml`: where the server listens, what it loads and within which bounds it works.
//!
//! In: the file's text. Out: a [`ServerConfig`] with every default filled in, and all findings at once with their
//! positions. Never here: opening files, binding sockets, zones.

mod encrypted;
mod exec;
mod keys;
mod proxy;
mod read;
mod rehearsal;
mod renew;
mod resolver;
mod sections;
mod self_doubt;
mod serving_options;
mod serving_sections;
mod settings;
mod show;
mod value;

#[cfg(test)]
mod tests;

pub use encrypted::{CertificateSetting, HttpsSettings, QuicSettings, TlsSettings};
pub use exec::ExecSettings;
pub use keys::{CODES, KEYS, ServerKey};
pub use proxy::ProxySettings;
pub use read::read_server_file;
pub use rehearsal::{BlastRadius, ExplainSettings};
pub use renew::{Effect, Renewal, looks_like_server_file, renew, server_reference};
pub use resolver::ResolverSettings;
pub use self_doubt::SelfDoubtSettings;
pub use serving_options::{CookieSettings, IdentitySettings, RateLimitSettings, UdpSettings};
pub use settings::{
    GeoSettings, LogFormat, LogLevel, LogSettings, ProbeSettings, ServerConfig, TcpSettings,
};
pub use show::show_server;
