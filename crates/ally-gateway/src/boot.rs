//! What the gateway is told when it starts: one JSON document on a descriptor, never arguments or environment.

use crate::models::plans::Plans;
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
    /// Whether somebody beyond this machine may come without HTTPS, past the trusted proxies.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// So long a model may take to begin its answer.
    #[serde(default = "first_token_seconds")]
    pub first_token_seconds: u64,
    /// So long a model may pause in an answer.
    #[serde(default = "stall_seconds")]
    pub stall_seconds: u64,
    /// The installation's key for Anthropic, from the environment.
    #[serde(default)]
    pub anthropic_key: Option<String>,
    /// Another address than Anthropic's own.
    #[serde(default)]
    pub anthropic_base_url: Option<String>,
    /// Another model than the default.
    #[serde(default)]
    pub anthropic_model: Option<String>,
    /// Places in the house that people's assistants may call, `host:port`, separated by commas.
    #[serde(default)]
    pub egress_private: String,
    /// A model server that the operator chose; exempt from the rule that only loopback may be called.
    #[serde(default)]
    pub local_model_url: Option<String>,
    /// How many tokens people may use on the installation's account.
    #[serde(default)]
    pub plans: Plans,
}

const fn first_token_seconds() -> u64 {
    90
}

const fn stall_seconds() -> u64 {
    60
}
