//! Configuration: flags, then environment, then `ally.toml`, then defaults.

use ally_platform::SignUp;
use ally_sandbox::Level;
use ally_types::Secret;
use clap::Args;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// What can be said on the command line. Every field is optional: what is not said comes from elsewhere.
#[derive(Debug, Default, Clone, Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Given {
    /// Where everything is kept (`ALLY_DATA_DIR`, default ./ally-data)
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// Address and port to listen on (`ALLY_LISTEN`, default 127.0.0.1:8080)
    #[arg(long)]
    pub listen: Option<String>,
    /// The address people type into their browser (`ALLY_PUBLIC_URL`)
    #[arg(long)]
    pub public_url: Option<String>,
    /// Who may make an account after the first: closed, invite or open (`ALLY_SIGN_UP`)
    #[arg(long)]
    pub sign_up: Option<String>,
    /// The platform's database, sqlite: or postgres: (`ALLY_DATABASE_URL`)
    #[arg(long)]
    pub database_url: Option<String>,
    /// Directory with the two root keys, if not in the data directory (`ALLY_SECRET_KEY_FILE`)
    #[arg(long)]
    pub secret_key_file: Option<PathBuf>,
    /// An assistant sleeps after so many idle seconds (`ALLY_IDLE_EXIT_SECONDS`, default 45)
    #[arg(long)]
    pub idle_exit_seconds: Option<u64>,
    /// Refuse to start below this isolation: none, user_namespace or own_user (`ALLY_REQUIRE_SANDBOX`)
    #[arg(long)]
    pub require_sandbox: Option<String>,
    /// Addresses of proxies whose X-Forwarded-For counts, separated by commas (`ALLY_TRUSTED_PROXIES`)
    #[arg(long)]
    pub trusted_proxies: Option<String>,
    /// Where Anthropic's API is (`ANTHROPIC_BASE_URL`)
    #[arg(long)]
    pub anthropic_base_url: Option<String>,
    /// Which of Anthropic's models answers (`ANTHROPIC_MODEL`)
    #[arg(long)]
    pub anthropic_model: Option<String>,
    /// A model server that speaks OpenAI's protocol (`ALLY_LOCAL_MODEL_URL`)
    #[arg(long)]
    pub local_model_url: Option<String>,
    /// How much is logged: error, warn, info, debug or trace (`ALLY_LOG`)
    #[arg(long)]
    pub log: Option<String>,
}

/// The configuration that is in force.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where everything is kept; absolute.
    pub data_dir: PathBuf,
    /// Where the edge listens.
    pub listen: SocketAddr,
    /// The address people type, without a slash at the end.
    pub public_url: String,
    /// Who may make an account after the first.
    pub sign_up: SignUp,
    /// The platform's database.
    pub database_url: String,
    /// The platform's root key lives here; the region's beside it.
    pub platform_key_file: PathBuf,
    /// The region's root key.
    pub region_key_file: PathBuf,
    /// Seconds until an idle assistant sleeps.
    pub idle_exit_seconds: u64,
    /// The lowest isolation to start with.
    pub require_sandbox: Option<Level>,
    /// Proxies whose word on the client's address counts.
    pub trusted_proxies: Vec<IpAddr>,
    /// The installation's own Anthropic key, from the environment.
    pub anthropic_key: Option<Secret>,
    /// Where Anthropic's API is, if not at its usual place.
    pub anthropic_base_url: Option<String>,
    /// Which of Anthropic's models answers.
    pub anthropic_model: Option<String>,
    /// A local model server.
    pub local_model_url: Option<String>,
    /// How much is logged.
    pub log: ally_types::log::Level,
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
}

/// Why the configuration cannot be used, with what to do.
#[derive(Debug, thiserror::Error)]
#[error("{what}\n{next_step}")]
pub struct ConfigError {
    what: String,
    next_step: String,
}

impl ConfigError {
    fn new(what: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self { what: what.into(), next_step: next_step.into() }
    }
}

/// Environment variables by name; handed in, so that a test can choose them.
pub type Environment = BTreeMap<String, String>;

impl Config {
    /// Puts the configuration together.
    ///
    /// # Errors
    /// A value cannot be read, or two values contradict each other.
    pub fn load(flags: Given, environment: &Environment, directory: &Path) -> Result<Self, ConfigError> {
        let path = directory.join("ally.toml");
        let (from_file, file) = match std::fs::read_to_string(&path) {
            Ok(text) => (read_file(&path, &text)?, Some(path)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (Given::default(), None),
            Err(_) => {
                return Err(ConfigError::new(format!("{} cannot be read.", path.display()), "Check its permissions."));
            }
        };
        let given = flags.or(from_environment(environment)?).or(from_file);
        let mut config = Self::from_given(given, directory)?;
        config.anthropic_key = environment
            .get("ANTHROPIC_API_KEY")
            .filter(|key| !key.trim().is_empty())
            .map(|key| Secret::new(key.trim()));
        config.file = file;
        Ok(config)
    }

    fn from_given(given: Given, directory: &Path) -> Result<Self, ConfigError> {
        let data_dir = directory.join(given.data_dir.unwrap_or_else(|| "ally-data".into()));
        let listen = given.listen.unwrap_or_else(|| "127.0.0.1:8080".to_owned());
        let listen: SocketAddr = listen.replace("localhost", "127.0.0.1").parse().map_err(|_| {
            ConfigError::new(format!("\"{listen}\" is not an address to listen on."), "Write it as 127.0.0.1:8080.")
        })?;
        let public_url = match given.public_url {
            Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
                url.trim_end_matches('/').to_owned()
            }
            Some(url) => {
                return Err(ConfigError::new(
                    format!("\"{url}\" is not a public address."),
                    "Write it as https://ally.example.",
                ));
            }
            None => format!("http://{listen}"),
        };
        if !listen.ip().is_loopback() && !public_url.starts_with("https://") {
            return Err(ConfigError::new(
                format!("Listening on {listen} would send passwords over the network unprotected."),
                "Set ALLY_PUBLIC_URL to the https address of the proxy in front, or listen on 127.0.0.1.",
            ));
        }
        let sign_up = one_of("sign-up", given.sign_up, "closed", &["closed", "invite", "open"])?;
        let sign_up = match sign_up.as_str() {
            "open" => SignUp::Open,
            "invite" => SignUp::Invite,
            _ => SignUp::Closed,
        };
        let require_sandbox =
            one_of("require-sandbox", given.require_sandbox, "none", &["none", "user_namespace", "own_user"])?;
        let require_sandbox = match require_sandbox.as_str() {
            "own_user" => Some(Level::OwnUser),
            "user_namespace" => Some(Level::UserNamespace),
            _ => None,
        };
        let database_url =
            given.database_url.unwrap_or_else(|| format!("sqlite:{}", data_dir.join("platform/platform.db").display()));
        if !database_url.starts_with("sqlite:") && !database_url.starts_with("postgres") {
            return Err(ConfigError::new(
                "The database address is of no known kind.",
                "Write sqlite:… or postgres://….",
            ));
        }
        let trusted_proxies = given.trusted_proxies.unwrap_or_default();
        let trusted_proxies = trusted_proxies.split(',').map(str::trim).filter(|text| !text.is_empty());
        let trusted_proxies = trusted_proxies.map(str::parse).collect::<Result<Vec<IpAddr>, _>>().map_err(|_| {
            ConfigError::new(
                "The list of trusted proxies holds something that is not an IP address.",
                "Write 10.0.0.2,10.0.0.3.",
            )
        })?;
        // Without a list, the proxy that ends HTTPS in front of a loopback address is on this machine.
        let has_proxy = listen.ip().is_loopback() && public_url.starts_with("https://");
        let here = [IpAddr::from([127, 0, 0, 1]), IpAddr::from(std::net::Ipv6Addr::LOCALHOST)];
        let trusted_proxies = match trusted_proxies {
            list if list.is_empty() && has_proxy => here.to_vec(),
            list => list,
        };
        let key_dir = given.secret_key_file.map(|path| directory.join(path));
        let level = one_of("log", given.log, "info", &["error", "warn", "info", "debug", "trace"])?;
        let config = Self {
            platform_key_file: key_dir.clone().unwrap_or_else(|| data_dir.join("host")).join("platform.key"),
            region_key_file: key_dir.unwrap_or_else(|| data_dir.join("host")).join("region.key"),
            data_dir,
            listen,
            public_url,
            sign_up,
            database_url,
            idle_exit_seconds: given.idle_exit_seconds.unwrap_or(45),
            require_sandbox,
            trusted_proxies,
            anthropic_key: None,
            anthropic_base_url: given.anthropic_base_url,
            anthropic_model: given.anthropic_model,
            local_model_url: given.local_model_url,
            log: level_of(&level),
            file: None,
        };
        if config.public_url.starts_with("http://") && !config.is_public_url_loopback() {
            return Err(ConfigError::new(
                format!("At {} passwords would travel unprotected.", config.public_url),
                "Put a proxy with HTTPS in front and set ALLY_PUBLIC_URL to its https address.",
            ));
        }
        Ok(config)
    }

    /// Puts in the port that the system chose for port 0.
    #[must_use]
    pub fn with_real_port(mut self, real: SocketAddr) -> Self {
        if self.listen.port() == 0 && self.public_url == format!("http://{}", self.listen) {
            self.public_url = format!("http://{real}");
        }
        self.listen = real;
        self
    }

    /// Whether browsers reach this installation only from this machine.
    pub fn is_loopback(&self) -> bool {
        self.listen.ip().is_loopback() && self.is_public_url_loopback()
    }

    fn is_public_url_loopback(&self) -> bool {
        let host = self.public_url.split("://").nth(1).unwrap_or_default();
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

fn level_of(word: &str) -> ally_types::log::Level {
    use ally_types::log::Level;
    match word {
        "error" => Level::Error,
        "warn" => Level::Warn,
        "debug" => Level::Debug,
        "trace" => Level::Trace,
        _ => Level::Info,
    }
}

fn one_of(name: &str, given: Option<String>, default: &str, known: &[&str]) -> Result<String, ConfigError> {
    let value = given.unwrap_or_else(|| default.to_owned());
    if known.contains(&value.as_str()) {
        return Ok(value);
    }
    Err(ConfigError::new(
        format!("\"{value}\" is not a value of {name}."),
        format!("Choose one of: {}.", known.join(", ")),
    ))
}

fn read_file(path: &Path, text: &str) -> Result<Given, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        ConfigError::new(
            format!("{}, line {line}: {}.", path.display(), error.message().trim_end_matches('.')),
            "See docs/configuration.md for the names and values.",
        )
    })
}

fn from_environment(environment: &Environment) -> Result<Given, ConfigError> {
    let get = |name: &str| environment.get(name).filter(|value| !value.is_empty()).cloned();
    let idle_exit_seconds = match get("ALLY_IDLE_EXIT_SECONDS") {
        Some(text) => Some(text.parse().map_err(|_| {
            ConfigError::new("ALLY_IDLE_EXIT_SECONDS is not a whole number of seconds.", "Write 45, or 0 for never.")
        })?),
        None => None,
    };
    Ok(Given {
        data_dir: get("ALLY_DATA_DIR").map(PathBuf::from),
        listen: get("ALLY_LISTEN"),
        public_url: get("ALLY_PUBLIC_URL"),
        sign_up: get("ALLY_SIGN_UP"),
        database_url: get("ALLY_DATABASE_URL"),
        secret_key_file: get("ALLY_SECRET_KEY_FILE").map(PathBuf::from),
        idle_exit_seconds,
        require_sandbox: get("ALLY_REQUIRE_SANDBOX"),
        trusted_proxies: get("ALLY_TRUSTED_PROXIES"),
        anthropic_base_url: get("ANTHROPIC_BASE_URL"),
        anthropic_model: get("ANTHROPIC_MODEL"),
        local_model_url: get("ALLY_LOCAL_MODEL_URL"),
        log: get("ALLY_LOG"),
    })
}

impl Given {
    /// What is given here, and where nothing is, what is given there.
    #[must_use]
    fn or(self, other: Self) -> Self {
        Self {
            data_dir: self.data_dir.or(other.data_dir),
            listen: self.listen.or(other.listen),
            public_url: self.public_url.or(other.public_url),
            sign_up: self.sign_up.or(other.sign_up),
            database_url: self.database_url.or(other.database_url),
            secret_key_file: self.secret_key_file.or(other.secret_key_file),
            idle_exit_seconds: self.idle_exit_seconds.or(other.idle_exit_seconds),
            require_sandbox: self.require_sandbox.or(other.require_sandbox),
            trusted_proxies: self.trusted_proxies.or(other.trusted_proxies),
            anthropic_base_url: self.anthropic_base_url.or(other.anthropic_base_url),
            anthropic_model: self.anthropic_model.or(other.anthropic_model),
            local_model_url: self.local_model_url.or(other.local_model_url),
            log: self.log.or(other.log),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn flags_win_over_environment_and_environment_over_the_file() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(
            directory.path().join("ally.toml"),
            "listen = \"127.0.0.1:1\"\nsign_up = \"open\"\nlog = \"warn\"\n",
        )
        .expect("written");
        let flags = Given { listen: Some("127.0.0.1:3".to_owned()), ..Given::default() };
        let environment =
            environment(&[("ALLY_LISTEN", "127.0.0.1:2"), ("ALLY_SIGN_UP", "invite"), ("ANTHROPIC_API_KEY", " k ")]);
        let config = Config::load(flags, &environment, directory.path()).expect("a configuration");
        assert_eq!((config.listen.port(), config.sign_up), (3, SignUp::Invite));
        assert_eq!(config.log, ally_types::log::Level::Warn);
        assert_eq!(config.anthropic_key.as_ref().map(Secret::expose), Some("k"));
        assert_eq!(config.public_url, "http://127.0.0.1:3");
        assert!(config.is_loopback());
    }

    #[test]
    fn only_an_installation_that_listens_on_loopback_counts_as_loopback() {
        let directory = tempfile::tempdir().expect("a directory");
        let load = |pairs: &[(&str, &str)]| {
            Config::load(Given::default(), &environment(pairs), directory.path()).expect("usable")
        };
        assert!(load(&[]).is_loopback());
        let open = load(&[("ALLY_LISTEN", "0.0.0.0:8080"), ("ALLY_PUBLIC_URL", "https://localhost")]);
        assert!(!open.is_loopback(), "whoever comes first from the network must not become administrator");
        let behind_proxy = load(&[("ALLY_PUBLIC_URL", "https://ally.example")]);
        assert!(!behind_proxy.is_loopback());
        assert_eq!(behind_proxy.trusted_proxies.len(), 2, "the proxy on this machine is believed");
    }

    #[test]
    fn what_cannot_be_used_is_said_with_the_next_step() {
        let directory = tempfile::tempdir().expect("a directory");
        let said = |pairs: &[(&str, &str)]| {
            Config::load(Given::default(), &environment(pairs), directory.path()).expect_err("refused").to_string()
        };
        assert!(said(&[("ALLY_LISTEN", "here")]).contains("Write it as 127.0.0.1:8080."));
        assert!(said(&[("ALLY_LISTEN", "0.0.0.0:80")]).contains("ALLY_PUBLIC_URL"));
        assert!(said(&[("ALLY_PUBLIC_URL", "http://ally.lan")]).contains("https"));
        assert!(said(&[("ALLY_SIGN_UP", "yes")]).contains("closed, invite, open"));
        assert!(said(&[("ALLY_IDLE_EXIT_SECONDS", "soon")]).contains("45"));
        std::fs::write(directory.path().join("ally.toml"), "# ours\nlisten_on = \"x\"\n").expect("written");
        let wrong = said(&[]);
        assert!(wrong.contains("line 2") && wrong.contains("listen_on"), "{wrong}");
    }
}
