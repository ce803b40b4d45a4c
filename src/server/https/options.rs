//! Options of DNS over HTTPS.
//!
//! In: values from the server file. Out: plain options. Never here: requests.

/// Encryption of requests on arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpsGuise {
    /// TLS ends here.
    #[default]
    Sealed,
    /// In the clear, from a proxy where TLS ends.
    Plain,
}

/// Path of the one resource, and encryption of its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpsOptions {
    /// Path of the resource.
    pub path: String,
    /// Encryption of requests on arrival.
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
