//! What host, gateway, platform and assistants tell each other: JSON lines over Unix sockets.

use crate::{ServerId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The host to the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum ToGateway {
    /// This server exists. The line carries one file descriptor: the listening socket on which the server's
    /// outbound calls arrive. Sent for every server when the gateway connects, and when one is made.
    Server {
        /// Which server.
        server: ServerId,
    },
    /// The server's process is up and accepts connections.
    Awake {
        /// Which server.
        server: ServerId,
    },
    /// The server's process has ended.
    Asleep {
        /// Which server.
        server: ServerId,
    },
    /// Which walls stand around every server's process. Sent first when the gateway connects.
    Walls {
        /// Their short names.
        walls: Vec<String>,
        /// Why others do not stand, by their short names, where that is known.
        #[serde(default)]
        why: BTreeMap<String, String>,
    },
    /// Answer to [`FromGateway::Kill`].
    Killed {
        /// Which server.
        server: ServerId,
        /// Whether there was a process to kill.
        was_awake: bool,
    },
}

/// The gateway to the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum FromGateway {
    /// End the server's process at once, as a crash would. The host starts it again after its back-off.
    Kill {
        /// Which server.
        server: ServerId,
    },
}

/// The platform to the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum FromPlatform {
    /// Make this server if it does not exist: directory, uid, key, sockets. Repeating it changes nothing.
    Ensure {
        /// Which server.
        server: ServerId,
    },
}

/// The host to the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum ToPlatform {
    /// The server exists and can be called.
    Ready {
        /// Which server.
        server: ServerId,
    },
    /// It could not be made.
    Failed {
        /// Which server.
        server: ServerId,
        /// Whether trying again may help.
        retry: bool,
    },
}

/// An assistant to its host, over the control pipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum FromAssistant {
    /// Accepting connections.
    Ready,
    /// Wake me at this moment if I am asleep then; `None` when there is nothing to wait for.
    Alarm {
        /// When.
        at: Option<Timestamp>,
    },
}

/// What an assistant is told when it starts: one JSON document on the file descriptor named by `--boot-fd`,
/// so that no key stands in an argument list or an environment.
#[derive(Clone, Serialize, Deserialize)]
pub struct AssistantBoot {
    /// Whose server this is.
    pub server: ServerId,
    /// The person's directory as this process sees it.
    pub data_dir: PathBuf,
    /// The listening Unix socket, already bound.
    pub listener_fd: i32,
    /// Where [`FromAssistant`] lines go; absent when started by hand.
    pub control_fd: Option<i32>,
    /// The Unix socket for outbound calls to the gateway, as this process sees it.
    pub outbound: PathBuf,
    /// The person's data key, 32 bytes in hexadecimal.
    pub key: String,
    /// The gateway's Ed25519 public key, 32 bytes in hexadecimal.
    pub identity_key: String,
    /// Exit after so many seconds without work; 0 means never.
    pub idle_exit_seconds: u64,
    /// Counts the starts of this server: the epoch of event ids and leases.
    pub epoch: u64,
    /// The short names of the walls that are up, with a space between. The process puts up those of them itself that
    /// a process has to put up itself.
    pub walls: String,
    /// Why other walls are not up, by their short names, where that is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub why: BTreeMap<String, String>,
    /// The person's directory has reached its limit: nothing may be added, only read, deleted and exported.
    #[serde(default)]
    pub is_space_full: bool,
    /// How much is logged.
    #[serde(default)]
    pub log: crate::log::Level,
}
