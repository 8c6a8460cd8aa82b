//! What the gateway is told when it starts: one JSON document on a descriptor, never arguments or environment.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::PathBuf;

/// The boot document. It holds keys, so it has no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Boot {
    /// The listening TCP socket, already bound.
    pub listener_fd: i32,
    /// The gateway's own directory.
    pub data_dir: PathBuf,
    /// Where the sockets are: `platform.sock`, `host-gateway.sock` and `in/<server>.sock`.
    pub run_dir: PathBuf,
    /// Verifies session tokens; 32 bytes in hexadecimal.
    pub session_key: String,
    /// Seed of the key that signs identity tokens; 32 bytes in hexadecimal.
    pub identity_seed: String,
    /// Seals `provider.sealed`; 32 bytes in hexadecimal.
    pub sealing_key: String,
    /// The address that people type.
    pub public_url: String,
    /// Proxies whose `X-Forwarded-For` is believed.
    #[serde(default)]
    pub trusted_proxies: Vec<IpAddr>,
    /// The installation's key for Anthropic, from the environment.
    #[serde(default)]
    pub anthropic_key: Option<String>,
    /// Another address than Anthropic's own.
    #[serde(default)]
    pub anthropic_base_url: Option<String>,
    /// Another model than the default.
    #[serde(default)]
    pub anthropic_model: Option<String>,
    /// A model server that the operator chose; exempt from the rule that only loopback may be called.
    #[serde(default)]
    pub local_model_url: Option<String>,
}
