//! Configuration: flags, then environment, then `ally.toml`, then defaults.

mod given;

pub use given::Given;

use ally_platform::SignUp;
use ally_sandbox::Level;
use ally_types::Secret;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

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
    /// How much one person's assistant may use.
    pub shares: ally_host::Shares,
    /// Whether browsers beyond this machine may come without HTTPS.
    pub allow_plain_http: bool,
    /// Proxies whose word on the client's address counts.
    pub trusted_proxies: Vec<IpAddr>,
    /// The installation's own Anthropic key, from the environment.
    pub anthropic_key: Option<Secret>,
    /// Where Anthropic's API is, if not at its usual place.
    pub anthropic_base_url: Option<String>,
    /// Which of Anthropic's models answers.
    pub anthropic_model: Option<String>,
    /// Places in the house that people's assistants may call, as `host:port` with commas.
    pub egress_private: String,
    /// A local model server.
    pub local_model_url: Option<String>,
    /// So long a model may take to begin its answer.
    pub model_first_token_seconds: u64,
    /// So long a model may pause in an answer.
    pub model_stall_seconds: u64,
    /// How many tokens people may use on the installation's account.
    pub plans: ally_gateway::Plans,
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
        let given = flags.or(given::from_environment(environment)?).or(from_file);
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
        let public_url = public_url(given.public_url, listen)?;
        let allow_plain_http = one_of("allow-plain-http", given.allow_plain_http, "no", &["no", "yes"])? == "yes";
        let sign_up = one_of("sign-up", given.sign_up, "closed", &["closed", "invite", "open"])?;
        let sign_up = match sign_up.as_str() {
            "open" => SignUp::Open,
            "invite" => SignUp::Invite,
            _ => SignUp::Closed,
        };
        let require_sandbox =
            one_of("require-sandbox", given.require_sandbox, "none", &["none", "user_namespace", "own_user", "full"])?;
        let require_sandbox = match require_sandbox.as_str() {
            "full" => Some(Level::Full),
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
        let trusted_proxies = proxies(given.trusted_proxies, listen, &public_url)?;
        let model_first_token_seconds =
            at_least_one("ALLY_MODEL_FIRST_TOKEN_SECONDS", given.model_first_token_seconds, 90)?;
        let model_stall_seconds = at_least_one("ALLY_MODEL_STALL_SECONDS", given.model_stall_seconds, 60)?;
        let egress_private = places_in_the_house(given.egress_private)?;
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
            shares: shares(given.memory_limit_mb, given.disk_quota_mb)?,
            allow_plain_http,
            trusted_proxies,
            anthropic_key: None,
            anthropic_base_url: given.anthropic_base_url,
            anthropic_model: given.anthropic_model,
            egress_private,
            local_model_url: given.local_model_url,
            model_first_token_seconds,
            model_stall_seconds,
            plans: plans(given.plans, given.default_plan, given.daily_token_ceiling)?,
            log: level_of(&level),
            file: None,
        };
        config.refuse_plain_http()?;
        Ok(config)
    }

    /// Passwords shall travel only over HTTPS or within this machine, unless somebody has said otherwise by name.
    fn refuse_plain_http(&self) -> Result<(), ConfigError> {
        let is_open = !self.listen.ip().is_loopback();
        if self.listen.ip().is_unspecified() && self.public_url == format!("http://{}", self.listen) {
            return Err(ConfigError::new(
                format!("Listening on {} says nothing about what people type into their browser.", self.listen),
                "Set ALLY_PUBLIC_URL to the https address of the proxy in front, or listen on 127.0.0.1.",
            ));
        }
        if self.allow_plain_http {
            return Ok(());
        }
        if self.is_https() {
            if is_open && self.trusted_proxies.is_empty() {
                return Err(ConfigError::new(
                    format!("On {} anybody could come past the proxy that has the certificate.", self.listen),
                    "Set ALLY_TRUSTED_PROXIES to the addresses of the proxy, or listen on 127.0.0.1.",
                ));
            }
            return Ok(());
        }
        let where_to = if is_open { self.listen.to_string() } else { self.public_url.clone() };
        if is_open || !self.is_public_url_loopback() {
            return Err(ConfigError::new(
                format!("At {where_to} passwords would travel over the network unprotected."),
                "Put a proxy with HTTPS in front and set ALLY_PUBLIC_URL to its https address. If everybody on the \
                 network may read everything, set ALLY_ALLOW_PLAIN_HTTP=yes.",
            ));
        }
        Ok(())
    }

    /// Whether people come over HTTPS, by a proxy that ends it.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// Whether passwords and content may cross a network unprotected, because somebody has allowed it.
    pub fn is_plain_beyond_loopback(&self) -> bool {
        self.allow_plain_http && !self.is_loopback() && (!self.is_https() || !self.listen.ip().is_loopback())
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

fn public_url(given: Option<String>, listen: SocketAddr) -> Result<String, ConfigError> {
    let Some(url) = given else { return Ok(format!("http://{listen}")) };
    let url = url.trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    if host.is_empty() || host.contains(['/', '?', '#', '@']) || host.chars().any(char::is_whitespace) {
        return Err(ConfigError::new(
            format!("\"{url}\" is not a public address."),
            "Write it as https://ally.example, without anything behind the name and the port.",
        ));
    }
    // Browsers write names in small letters and leave the usual port out; so it is compared.
    let url = url.to_ascii_lowercase();
    let usual = if url.starts_with("https://") { ":443" } else { ":80" };
    Ok(url.strip_suffix(usual).unwrap_or(&url).to_owned())
}

fn proxies(given: Option<String>, listen: SocketAddr, public_url: &str) -> Result<Vec<IpAddr>, ConfigError> {
    let given = given.unwrap_or_default();
    let given = given.split(',').map(str::trim).filter(|text| !text.is_empty());
    let list = given.map(str::parse).collect::<Result<Vec<IpAddr>, _>>().map_err(|_| {
        ConfigError::new(
            "The list of trusted proxies holds something that is not an IP address.",
            "Write 10.0.0.2,10.0.0.3.",
        )
    })?;
    // Without a list, the proxy that ends HTTPS in front of a loopback address is on this machine.
    if list.is_empty() && listen.ip().is_loopback() && public_url.starts_with("https://") {
        return Ok(vec![IpAddr::from([127, 0, 0, 1]), IpAddr::from(std::net::Ipv6Addr::LOCALHOST)]);
    }
    Ok(list)
}

fn at_least_one(name: &str, given: Option<u64>, default: u64) -> Result<u64, ConfigError> {
    match given.unwrap_or(default) {
        0 => Err(ConfigError::new(format!("{name} is 0, so no model could answer."), format!("Write {default}."))),
        number => Ok(number),
    }
}

/// Reads the list of places in the house, and writes it as it was understood.
fn places_in_the_house(given: Option<String>) -> Result<String, ConfigError> {
    let list = ally_gateway::read_private(&given.unwrap_or_default()).map_err(|entry| {
        ConfigError::new(
            format!("\"{entry}\" in ALLY_EGRESS_PRIVATE is not a place that can be called."),
            "Write each as host:port, such as mail.house.lan:993,10.0.0.5:25. Ranges cannot be named.",
        )
    })?;
    Ok(list.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
}

fn plans(
    by_name: BTreeMap<String, ally_gateway::Allowance>,
    default: Option<String>,
    daily_ceiling: Option<u64>,
) -> Result<ally_gateway::Plans, ConfigError> {
    let is_name = |name: &String| {
        (1..=40).contains(&name.len()) && name.chars().all(|letter| letter.is_alphanumeric() || "-_ ".contains(letter))
    };
    if let Some(name) = by_name.keys().find(|name| !is_name(name)) {
        return Err(ConfigError::new(
            format!("\"{name}\" cannot be the name of a plan."),
            "Use up to 40 letters and digits, such as [plans.standard].",
        ));
    }
    let known = by_name.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    match &default {
        Some(name) if !by_name.contains_key(name) => Err(ConfigError::new(
            format!("There is no plan \"{name}\", which default_plan names."),
            if known.is_empty() {
                format!("Add [plans.{name}] to ally.toml.")
            } else {
                format!("Choose one of: {known}.")
            },
        )),
        // Whoever writes a limit down does not mean that nobody has it.
        None if !by_name.is_empty() => Err(ConfigError::new(
            "There are plans, but nothing says which one people have.",
            format!("Set default_plan to one of: {known}. A plan without limits may be one of them."),
        )),
        _ => Ok(ally_gateway::Plans { default, by_name, daily_ceiling }),
    }
}

fn shares(memory_mb: Option<u64>, disk_mb: Option<u64>) -> Result<ally_host::Shares, ConfigError> {
    /// Below these an assistant could not do its work.
    const LEAST: (u64, u64) = (64, 64);
    let usual = ally_host::Shares::default();
    let shares = ally_host::Shares {
        memory_mb: memory_mb.unwrap_or(usual.memory_mb),
        disk_mb: disk_mb.unwrap_or(usual.disk_mb),
        ..usual
    };
    if shares.memory_mb < LEAST.0 || shares.disk_mb < LEAST.1 {
        return Err(ConfigError::new(
            "An assistant cannot work with so little memory or space.",
            "Write at least 64 for ALLY_MEMORY_LIMIT_MB and for ALLY_DISK_QUOTA_MB.",
        ));
    }
    Ok(shares)
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
        let open = load(&[
            ("ALLY_LISTEN", "0.0.0.0:8080"),
            ("ALLY_PUBLIC_URL", "https://localhost"),
            ("ALLY_TRUSTED_PROXIES", "10.0.0.2"),
        ]);
        assert!(!open.is_loopback(), "whoever comes first from the network must not become administrator");
        let behind_proxy = load(&[("ALLY_PUBLIC_URL", "https://ally.example")]);
        assert!(!behind_proxy.is_loopback());
        assert_eq!(behind_proxy.trusted_proxies.len(), 2, "the proxy on this machine is believed");
    }

    #[test]
    fn beyond_this_machine_passwords_travel_only_over_https_unless_it_is_allowed_by_name() {
        let directory = tempfile::tempdir().expect("a directory");
        let is_usable = |listen: &str, url: &str, more: &[(&str, &str)]| {
            let mut pairs = vec![("ALLY_LISTEN", listen), ("ALLY_PUBLIC_URL", url)];
            pairs.extend_from_slice(more);
            Config::load(Given::default(), &environment(&pairs), directory.path())
        };
        let allowed = [("ALLY_ALLOW_PLAIN_HTTP", "yes")];
        let proxy = [("ALLY_TRUSTED_PROXIES", "192.0.2.2")];
        for (listen, url, without, with_proxy) in [
            ("127.0.0.1:1", "", true, true),
            ("127.0.0.1:1", "http://localhost:1", true, true),
            ("127.0.0.1:1", "https://ally.example", true, true),
            ("127.0.0.1:1", "http://ally.example", false, false),
            ("192.0.2.1:1", "", false, false),
            ("0.0.0.0:1", "http://192.0.2.1:1", false, false),
            ("0.0.0.0:1", "http://127.0.0.1:1", false, false),
            ("0.0.0.0:1", "https://ally.example", false, true),
        ] {
            assert_eq!(is_usable(listen, url, &[]).is_ok(), without, "{listen} {url}");
            assert_eq!(is_usable(listen, url, &proxy).is_ok(), with_proxy, "{listen} {url} behind a proxy");
            let open = is_usable(listen, url, &allowed).expect("allowed by name");
            let is_plain = open.is_plain_beyond_loopback();
            assert_eq!(is_plain, !without, "{listen} {url}");
            assert!(!is_plain || !open.is_loopback(), "the first account needs its code");
        }
        let refused = is_usable("0.0.0.0:1", "", &allowed).expect_err("nobody can type 0.0.0.0");
        assert!(refused.to_string().contains("ALLY_PUBLIC_URL"));
        assert!(is_usable("0.0.0.0:1", "http://a", &[("ALLY_ALLOW_PLAIN_HTTP", "1")]).is_err(), "only the word yes");
    }

    #[test]
    fn plans_stand_in_the_file_and_the_environment_chooses_among_them() {
        let directory = tempfile::tempdir().expect("a directory");
        let load = |pairs: &[(&str, &str)]| {
            Config::load(Given::default(), &environment(pairs), directory.path()).expect("usable").plans
        };
        assert_eq!(load(&[]), ally_gateway::Plans::default());
        let text = "default_plan = \"free\"\n[plans.free]\ntokens_per_day = 300_000\n[plans.team]\n";
        std::fs::write(directory.path().join("ally.toml"), text).expect("written");
        let plans = load(&[("ALLY_DAILY_TOKEN_CEILING", "5000000")]);
        assert_eq!((plans.default.as_deref(), plans.daily_ceiling), (Some("free"), Some(5_000_000)));
        assert_eq!(
            (plans.by_name["free"].tokens_per_day, plans.by_name["free"].tokens_per_month),
            (Some(300_000), None)
        );
        assert_eq!(load(&[("ALLY_DEFAULT_PLAN", "team")]).default.as_deref(), Some("team"));
    }

    #[test]
    fn the_public_address_is_kept_as_browsers_write_it() {
        let of = |url: &str| public_url(Some(url.to_owned()), "127.0.0.1:1".parse().expect("an address"));
        for (written, kept) in [
            ("https://Ally.Example/", "https://ally.example"),
            ("https://ally.example:443", "https://ally.example"),
            ("http://ally.lan:80/", "http://ally.lan"),
            ("https://ally.example:8443", "https://ally.example:8443"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(of(written).expect("usable"), kept);
        }
        for strange in ["ally.example", "https://", "https://ally.example/app", "https://mira@ally.example", "ftp://a"]
        {
            assert!(of(strange).is_err(), "{strange}");
        }
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
        assert!(said(&[("ALLY_EGRESS_PRIVATE", "10.0.0.0/8:25")]).contains("host:port"));
        assert!(said(&[("ALLY_SIGN_UP", "yes")]).contains("closed, invite, open"));
        assert!(said(&[("ALLY_IDLE_EXIT_SECONDS", "soon")]).contains("45"));
        assert!(said(&[("ALLY_MODEL_STALL_SECONDS", "0")]).contains("60"));
        assert!(said(&[("ALLY_MODEL_FIRST_TOKEN_SECONDS", "1.5")]).contains("90"));
        assert!(said(&[("ALLY_DAILY_TOKEN_CEILING", "much")]).contains("5000000"));
        assert!(said(&[("ALLY_DEFAULT_PLAN", "free")]).contains("[plans.free]"));
        let in_file = |text: &str| {
            std::fs::write(directory.path().join("ally.toml"), text).expect("written");
            said(&[])
        };
        assert!(in_file("[plans.free]\ntokens_per_day = 1\n").contains("default_plan to one of: free"));
        assert!(in_file("default_plan = \"a\"\n[plans.free]\n").contains("Choose one of: free."));
        assert!(in_file("[plans.free]\ntokens_per_week = 1\n").contains("line 2"));
        assert!(in_file("[plans.\"<b>\"]\n").contains("cannot be the name"));
        std::fs::write(directory.path().join("ally.toml"), "# ours\nlisten_on = \"x\"\n").expect("written");
        let wrong = said(&[]);
        assert!(wrong.contains("line 2") && wrong.contains("listen_on"), "{wrong}");
    }
}
