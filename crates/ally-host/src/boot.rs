//! What the host is told when it starts.

use ally_sandbox::Level;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::UnixListener;

/// The boot document of `ally host`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Boot {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Where sockets are, usually `<data_dir>/run`.
    pub run_dir: PathBuf,
    /// The listening socket on which the gateway calls.
    pub gateway_listener_fd: i32,
    /// The listening socket on which the platform calls.
    pub platform_listener_fd: i32,
    /// The key that wraps people's keys, 32 bytes in hexadecimal, derived from the region's root key.
    pub wrapping_key: String,
    /// The gateway's Ed25519 public key, 32 bytes in hexadecimal; assistants trust no other.
    pub identity_key: String,
    /// The program that is started for each person.
    pub program: PathBuf,
    /// Which of its roles: `assistant`, or `probe`, which tries the walls that an assistant stands behind.
    #[serde(default = "assistant")]
    pub role: String,
    /// The gateway's user, where roles have users of their own.
    pub gateway_uid: Option<u32>,
    /// The platform's user, where roles have users of their own.
    pub platform_uid: Option<u32>,
    /// The first user id that people's servers get; this one and all above it belong to them for ever.
    pub people_uid_base: u32,
    /// An assistant leaves after so many seconds without work; 0 means never.
    pub idle_exit_seconds: u64,
    /// Refuse to start if the walls cannot be built this high.
    #[serde(default)]
    pub require_sandbox: Option<Level>,
    /// How much each person's process may use.
    #[serde(default)]
    pub shares: crate::Shares,
    /// The first pause after a crash; each further one is twice as long, up to sixty times this.
    #[serde(default = "second")]
    pub back_off_millis: u64,
    /// An assistant that leaves sooner, and was not told to, has a pause like one that crashed.
    #[serde(default = "second")]
    pub stays_at_least_millis: u64,
    /// A start holds one of the places for those that start for so long at most.
    #[serde(default = "two_seconds")]
    pub start_within_millis: u64,
    /// How long assistants may take to finish what is in flight when the host is told to stop.
    #[serde(default = "half_a_minute")]
    pub stop_within_seconds: u64,
    /// How much assistants log.
    #[serde(default)]
    pub log: ally_types::log::Level,
}

fn assistant() -> String {
    "assistant".to_owned()
}

const fn second() -> u64 {
    1000
}

const fn two_seconds() -> u64 {
    2000
}

const fn half_a_minute() -> u64 {
    30
}

impl Boot {
    pub(crate) const fn stop_within(&self) -> Duration {
        Duration::from_secs(self.stop_within_seconds)
    }

    pub(crate) const fn stays_at_least(&self) -> Duration {
        Duration::from_millis(self.stays_at_least_millis)
    }

    pub(crate) const fn start_within(&self) -> Duration {
        Duration::from_millis(self.start_within_millis)
    }
}

/// The two sockets on which the host is called.
#[derive(Debug)]
pub struct Doors {
    /// The gateway's.
    pub gateway: UnixListener,
    /// The platform's.
    pub platform: UnixListener,
}
