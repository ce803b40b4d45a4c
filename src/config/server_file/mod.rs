//! The server file, `leeward.toml`: where the server listens, what it loads and within which bounds it works.
//!
//! In: the file's text. Out: a [`ServerConfig`] with every default filled in, and all findings at once with their
//! positions. Never here: opening files, binding sockets, zones.

mod certificate;
mod forms;
mod keys;
mod read;
mod renew;
mod row;
mod rows;
mod rules;
mod serving_options;
mod settings;
mod show;
mod texts;

#[cfg(test)]
mod tests;

pub use keys::server_keys;
pub use read::{CODES, read_server_file};
pub use renew::{Renewal, looks_like_server_file, renew};
pub use row::{Effect, ServerKey};
pub use serving_options::{
    CertificateSetting, CookieSettings, ExplainSettings, HttpsSettings, IdentitySettings,
    ProxySettings, QuicSettings, RateLimitSettings, TcpSettings, TlsSettings, UdpSettings,
};
pub use settings::{
    BlastRadius, ExecSettings, GeoSettings, LogFormat, LogLevel, LogSettings, ProbeSettings,
    ResolverSettings, SelfDoubtSettings, ServerConfig,
};
pub use show::{server_reference, show_server};
