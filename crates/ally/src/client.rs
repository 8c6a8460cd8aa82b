//! The one HTTP client for calls to the outside. Building it reads the system's certificates, so it is built once.

/// Builds the client for a role that calls outside services: the gateway.
///
/// # Errors
/// The system's root certificates cannot be read.
pub fn build() -> reqwest::Result<reqwest::Client> {
    // Already installed only in a test that builds two clients.
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "this is the one place that builds the client")]
    reqwest::Client::builder()
        .connect_timeout(std::time::Duration::from_secs(10))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("ally/", env!("CARGO_PKG_VERSION")))
        .build()
}
