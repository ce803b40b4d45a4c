//! What the operator chose for DNS over HTTPS.
//!
//! In: values from the server file. Out: plain options. Never here: requests.

/// How requests arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpsGuise {
    /// Behind a handshake of ours.
    #[default]
    Sealed,
    /// In the clear, from a proxy that did the handshake.
    Plain,
}

/// Where the one resource is, and how requests arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpsOptions {
    /// Path of the resource.
    pub path: String,
    /// How requests arrive.
    pub guise: HttpsGuise,
}

impl Default for HttpsOptions {
    fn default() -> Self {
        Self {
            path: "/dns-query".to_owned(),
            guise: HttpsGuise::default(),
        }
    }
}
