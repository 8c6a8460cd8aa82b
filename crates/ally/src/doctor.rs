//! `ally doctor`: what is configured, what is missing, and what that disables.

use crate::config::Config;
use crate::layout;
use ally_platform::SignUp;
use std::fmt::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// As it should be.
    Good,
    /// Works, with something less.
    Less,
    /// Does not work.
    Bad,
}

/// One thing that was looked at.
struct Finding {
    state: State,
    name: &'static str,
    says: String,
    next_step: Option<String>,
}

impl Finding {
    fn good(name: &'static str, says: impl Into<String>) -> Self {
        Self { state: State::Good, name, says: says.into(), next_step: None }
    }

    fn less(name: &'static str, says: impl Into<String>, next: impl Into<String>) -> Self {
        Self { state: State::Less, name, says: says.into(), next_step: Some(next.into()) }
    }

    fn bad(name: &'static str, says: impl Into<String>, next: impl Into<String>) -> Self {
        Self { state: State::Bad, name, says: says.into(), next_step: Some(next.into()) }
    }
}

/// The report as text. No key or address of a person stands in it.
pub fn report(config: &Config) -> String {
    let findings = [
        configuration(config),
        data_directory(&config.data_dir),
        free_space(&config.data_dir),
        keys(config),
        address(config),
        sign_up(config),
        provider(config),
        isolation(),
        database(config),
    ];
    let mut text = format!("Ally {}\n\n", env!("CARGO_PKG_VERSION"));
    for finding in &findings {
        let mark = match finding.state {
            State::Good => "ok  ",
            State::Less => "less",
            State::Bad => "BAD ",
        };
        let _ = writeln!(text, "{mark}  {:<16}{}", finding.name, finding.says);
        if let Some(step) = &finding.next_step {
            let _ = writeln!(text, "      {:<16}→ {step}", "");
        }
    }
    text
}

fn configuration(config: &Config) -> Finding {
    match &config.file {
        Some(path) => Finding::good("Configuration", format!("{}, environment and flags", path.display())),
        None => {
            Finding::good("Configuration", "environment and flags (there is no ally.toml here, and none is needed)")
        }
    }
}

fn data_directory(path: &Path) -> Finding {
    let name = "Data";
    match std::fs::metadata(path) {
        Ok(found) if !found.is_dir() => {
            Finding::bad(name, format!("{} is not a directory", path.display()), "Choose another with --data-dir.")
        }
        Ok(_) => {
            let made_as_root =
                std::fs::read_to_string(path.join("host/mode")).ok().map(|mode| mode.trim() == "own users");
            let is_root = layout::whoami().0.is_root();
            match made_as_root {
                Some(as_root) if as_root != is_root => Finding::bad(
                    name,
                    format!("{} was made {} root", path.display(), if as_root { "by" } else { "without" }),
                    "Start Ally as the user who made it, or choose another directory with --data-dir.",
                ),
                _ => Finding::good(name, path.display().to_string()),
            }
        }
        Err(_) => Finding::good(name, format!("{} (made at the first start)", path.display())),
    }
}

fn free_space(path: &Path) -> Finding {
    let name = "Free space";
    let existing = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let Ok(disk) = rustix::fs::statvfs(existing) else {
        return Finding::less(name, "could not be read", "Check the disk.");
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize) / (1 << 20);
    if free < 512 {
        Finding::bad(name, format!("{free} MiB"), "Free some space: with a full disk nothing can be saved.")
    } else {
        Finding::good(name, format!("{} GiB", free / 1024))
    }
}

fn keys(config: &Config) -> Finding {
    let name = "Root keys";
    let (platform, region) = (config.platform_key_file.exists(), config.region_key_file.exists());
    match (platform, region, config.data_dir.join("people").exists()) {
        (true, true, _) => Finding::good(name, "both are there; back them up apart from the data"),
        (false, false, false) => Finding::good(name, "made at the first start"),
        _ if !layout::whoami().0.is_root() && config.data_dir.join("host").read_dir().is_err() => {
            Finding::less(name, "only root may look", "Run the doctor as the user who starts Ally.")
        }
        _ => Finding::bad(
            name,
            "one is missing, but there is data",
            "Restore it from your backup: without it accounts or sealed data cannot be opened.",
        ),
    }
}

fn address(config: &Config) -> Finding {
    let says = format!("{} (listens on {})", config.public_url, config.listen);
    let is_running = TcpStream::connect_timeout(&config.listen, Duration::from_millis(300)).is_ok();
    Finding::good(
        "Address",
        if is_running { format!("{says}, something answers there") } else { format!("{says}, not running") },
    )
}

fn sign_up(config: &Config) -> Finding {
    Finding::good(
        "Sign-up",
        match config.sign_up {
            SignUp::Open => "anybody who reaches the address can make an account",
            SignUp::Invite => "with an invitation link only",
            SignUp::Closed => "the first account administers; after it, closed until opened in Settings",
        },
    )
}

fn provider(config: &Config) -> Finding {
    let name = "AI provider";
    if config.anthropic_key.is_some() {
        return Finding::good(name, "Anthropic, with the key in ANTHROPIC_API_KEY");
    }
    if config.local_model_url.is_some() {
        return Finding::good(name, "a model server of your own (ALLY_LOCAL_MODEL_URL)");
    }
    if config.data_dir.join("gateway/provider.sealed").exists() {
        return Finding::good(name, "chosen in the browser");
    }
    Finding::less(
        name,
        "none for the whole installation: the built-in commands answer, unless a person has pasted a key of her own",
        "Paste a key in Settings, set ANTHROPIC_API_KEY, or start a model server on this machine.",
    )
}

fn isolation() -> Finding {
    let level = ally_sandbox::probe(layout::FIRST_PERSON);
    let says = level.in_words().to_owned();
    if level.has_own_user() {
        Finding::good("Isolation", says)
    } else {
        Finding::less(
            "Isolation",
            says,
            "Start Ally as root to give every person a user of their own; see SECURITY.md.",
        )
    }
}

fn database(config: &Config) -> Finding {
    if config.database_url.starts_with("sqlite:") {
        Finding::good("Accounts", "SQLite, in the data directory")
    } else {
        Finding::good("Accounts", "PostgreSQL")
    }
}
