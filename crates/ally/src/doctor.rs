//! `ally doctor`: what is configured, what is missing, and what that disables.

use crate::config::Config;
use crate::layout;
use ally_platform::{SignUp, Visit};
use ally_sandbox::Level;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// So long an answer on this machine or from the database may take to begin.
const WITHIN: Duration = Duration::from_millis(500);

/// What the doctor found.
#[derive(Debug)]
pub struct Report {
    /// For the person. No key or address of a person stands in it.
    pub text: String,
    /// Whether something does not work.
    pub is_bad: bool,
}

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

/// Looks at everything.
pub fn report(config: &Config) -> Report {
    ally_sandbox::look_up_names_without_plugins();
    let there = There::look(config);
    let findings = [
        configuration(config),
        program(),
        data_directory(&config.data_dir),
        free_space(&config.data_dir),
        keys(config),
        address(config, &there),
        protection(config),
        sign_up(config, &there),
        provider(config),
        isolation(config, &there),
        database(config),
        limits(config),
        places_in_the_house(config),
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
    Report { text, is_bad: findings.iter().any(|finding| finding.state == State::Bad) }
}

fn configuration(config: &Config) -> Finding {
    match &config.file {
        Some(path) => Finding::good("Configuration", format!("{}, environment and flags", path.display())),
        None => {
            Finding::good("Configuration", "environment and flags (there is no ally.toml here, and none is needed)")
        }
    }
}

fn program() -> Finding {
    let name = "Program";
    match std::env::current_exe().and_then(|program| ally_sandbox::is_dynamic(&program)) {
        Ok(false) => Finding::good(name, "one file that needs nothing beside it"),
        Ok(true) => Finding::good(name, "with the libraries of this machine, which people's assistants then see too"),
        Err(_) => Finding::less(name, "its file cannot be read", "Start it by its full path."),
    }
}

fn protection(config: &Config) -> Finding {
    let name = "HTTPS";
    let proxies = |list: &[std::net::IpAddr]| {
        let list: Vec<String> = list.iter().map(std::net::IpAddr::to_string).collect();
        list.join(", ")
    };
    if config.is_plain_beyond_loopback() {
        return Finding::less(
            name,
            "not asked for: everybody on the way can read passwords and chats",
            "Put a proxy with HTTPS in front, then take ALLY_ALLOW_PLAIN_HTTP away.",
        );
    }
    if config.is_https() {
        return Finding::good(name, format!("by a proxy; believed: {}", proxies(&config.trusted_proxies)));
    }
    Finding::good(name, "not needed: only this machine is answered")
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

/// Who answers on the address that Ally listens on.
enum There {
    Nobody,
    /// Ally, with what it says of signing up, and of its walls if it knows them already.
    Ally(Options, Option<Walls>),
    /// Ally or a proxy, under another public address.
    OtherAddress,
    SomethingElse,
}

/// What `GET /api/v1/auth/options` says, as far as it matters here.
#[derive(serde::Deserialize)]
struct Options {
    sign_up: String,
    needs_code: bool,
}

/// What `GET /healthz` says, as far as it matters here.
#[derive(serde::Deserialize)]
struct Health {
    walls: Option<Walls>,
}

/// What stands around the assistants of what runs.
#[derive(serde::Deserialize)]
struct Walls {
    level: Level,
    missing: Vec<NotHere>,
}

#[derive(Clone, serde::Deserialize)]
struct NotHere {
    wall: String,
    why: Option<String>,
}

impl There {
    fn look(config: &Config) -> Self {
        let ask = |path| TcpStream::connect_timeout(&config.listen, WITHIN).map(|stream| ask(stream, config, path));
        let Ok(answer) = ask("/api/v1/auth/options") else { return Self::Nobody };
        let answer = answer.unwrap_or_default();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        match (head.split(' ').nth(1), serde_json::from_str(body)) {
            (Some("200"), Ok(options)) => {
                let health = ask("/healthz").and_then(|answer| answer).unwrap_or_default();
                let (_, health) = health.split_once("\r\n\r\n").unwrap_or_default();
                Self::Ally(options, serde_json::from_str::<Health>(health).ok().and_then(|health| health.walls))
            }
            (Some("421"), _) => Self::OtherAddress,
            _ => Self::SomethingElse,
        }
    }
}

/// Asks as HTTP/1.0 does: the answer comes whole and ends with the connection.
fn ask(mut stream: TcpStream, config: &Config, path: &str) -> std::io::Result<String> {
    /// More than these options ever need.
    const MOST: u64 = 64 << 10;
    stream.set_read_timeout(Some(2 * WITHIN))?;
    stream.set_write_timeout(Some(WITHIN))?;
    let host = config.public_url.split("://").nth(1).unwrap_or_default();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: application/json\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(MOST).read_to_string(&mut answer)?;
    Ok(answer)
}

fn address(config: &Config, there: &There) -> Finding {
    let name = "Address";
    let says = format!("{} (listens on {})", config.public_url, config.listen);
    match there {
        There::Nobody => Finding::good(name, format!("{says}, not running")),
        There::Ally(..) => Finding::good(name, format!("{says}, Ally answers there")),
        There::OtherAddress => Finding::less(
            name,
            format!("{says}, but what answers there has another public address"),
            "Give the doctor the same --public-url as `ally serve`.",
        ),
        There::SomethingElse => Finding::bad(
            name,
            format!("{says}, but something that is not Ally answers there"),
            "Stop it, or choose another port with --listen.",
        ),
    }
}

fn sign_up(config: &Config, there: &There) -> Finding {
    let closed = "closed: nobody new can make an account; the administrator can change it in Settings";
    let says = match (there, config.sign_up) {
        (There::Ally(options, _), _) => match (options.sign_up.as_str(), options.needs_code) {
            ("first", true) => "nobody has an account yet; the first needs the code from the terminal and administers",
            ("first", false) => "nobody has an account yet; the first one administers",
            ("open", _) => "open: anybody who reaches the address can make an account",
            ("invite", _) => "with an invitation link only",
            _ => closed,
        },
        (_, SignUp::Open) => "anybody who reaches the address can make an account, unless changed in Settings",
        (_, SignUp::Invite) => "with an invitation link only, unless changed in Settings",
        (_, SignUp::Closed) => "the first account administers; after it, closed until opened in Settings",
    };
    Finding::good("Sign-up", says)
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

fn isolation(config: &Config, there: &There) -> Finding {
    let name = "Isolation";
    let (level, missing, whose) = match there {
        There::Ally(_, Some(walls)) => (walls.level, walls.missing.clone(), "So it runs now."),
        _ => {
            let reached = ally_sandbox::survey(layout::FIRST_PERSON, &ally_sandbox::Cgroups::find());
            let why = reached.why();
            let not_here = |wall: &str| NotHere { wall: wall.to_owned(), why: why.get(wall).cloned() };
            let missing = reached.missing().into_iter().map(not_here).collect();
            (reached.level, missing, "This is what Ally would reach if you, who run the doctor, started it.")
        }
    };
    let mut says = format!("{}: {} {whose}", level.name(), level.in_words());
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|missing: &NotHere| missing.wall.as_str()).collect();
        let _ = write!(says, " Missing: {}.", names.join(", "));
    }
    // One reason often takes several walls away.
    let reasons: BTreeSet<&str> = missing.iter().filter_map(|missing| missing.why.as_deref()).collect();
    for reason in reasons {
        let _ = write!(says, " {reason}");
    }
    if let Some(wanted) = config.require_sandbox.filter(|wanted| level < *wanted) {
        let _ = write!(says, " ALLY_REQUIRE_SANDBOX asks for {}, so Ally would not start.", wanted.name());
        let next = "Start Ally as root on a kernel with namespaces, Landlock and writable control groups, or lower \
                    ALLY_REQUIRE_SANDBOX.";
        return Finding::bad(name, says, next);
    }
    if missing.is_empty() {
        return Finding::good(name, says);
    }
    let next = if level.has_own_user() {
        "See SECURITY.md for what each wall needs from the kernel."
    } else {
        "Start Ally as root to give every person a user of their own; see SECURITY.md."
    };
    Finding::less(name, says, next)
}

fn limits(config: &Config) -> Finding {
    let (memory, disk) = (config.shares.memory_mb, config.shares.disk_mb);
    Finding::good("Limits", format!("{memory} MiB of memory and {disk} MiB of disk for each person"))
}

fn places_in_the_house(config: &Config) -> Finding {
    let name = "Private places";
    if config.egress_private.is_empty() {
        return Finding::good(name, "nothing in your network can be called by people's assistants");
    }
    let list = config.egress_private.replace(',', ", ");
    Finding::good(name, format!("people may allow their assistants to call {list} (ALLY_EGRESS_PRIVATE)"))
}

fn database(config: &Config) -> Finding {
    let name = "Accounts";
    if config.database_url.starts_with("sqlite:") {
        return Finding::good(name, "SQLite, in the data directory");
    }
    let Some(place) = Place::of(&config.database_url) else {
        return Finding::bad(
            name,
            "the address of PostgreSQL cannot be read",
            "Write ALLY_DATABASE_URL as postgres://user:password@host:5432/database.",
        );
    };
    // Only the host and the port are shown; user and password stand in the same address.
    let shown = format!("PostgreSQL at {}, port {}", place.host, place.port);
    let bad = |what: &str, next: &str| Finding::bad(name, format!("{shown}, {what}"), next);
    if !place.answers() {
        return bad("does not answer", "Start PostgreSQL, or correct host and port in ALLY_DATABASE_URL.");
    }
    match visit(&config.database_url) {
        Visit::Welcome(version) => Finding::good(name, format!("{shown}, version {version}")),
        Visit::TooOld(version) => {
            bad(&format!("version {version}, which is too old"), "Upgrade PostgreSQL to version 15 or newer.")
        }
        Visit::Refused => bad("refuses this user", "Correct user and password in ALLY_DATABASE_URL."),
        Visit::NoDatabase => bad("has no such database", "Make it with `createdb`, or correct its name."),
        Visit::NotThere => bad("answers, but not as PostgreSQL does", "Correct host and port in ALLY_DATABASE_URL."),
    }
}

fn visit(url: &str) -> Visit {
    let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let reactor = reactor.expect("a reactor needs only a few descriptors");
    // For an address that asks for TLS.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reactor.block_on(ally_platform::visit(url))
}

/// Where a PostgreSQL server listens: a name, or a directory with its socket.
struct Place {
    host: String,
    port: u16,
}

impl Place {
    fn of(url: &str) -> Option<Self> {
        let url = reqwest::Url::parse(url).ok()?;
        let asked = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let host = asked("host").or_else(|| url.host_str().map(str::to_owned)).filter(|host| !host.is_empty());
        let host = host.unwrap_or_else(|| "localhost".to_owned()).replace("%2F", "/").replace("%2f", "/");
        let port = asked("port").and_then(|port| port.parse().ok()).or(url.port()).unwrap_or(5432);
        Some(Self { host: host.trim_matches(['[', ']']).to_owned(), port })
    }

    fn answers(&self) -> bool {
        if self.host.starts_with('/') {
            return UnixStream::connect(Path::new(&self.host).join(format!(".s.PGSQL.{}", self.port))).is_ok();
        }
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        found.into_iter().flatten().any(|address| TcpStream::connect_timeout(&address, WITHIN).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_found_in_every_form_of_the_address() {
        let of = |url| Place::of(url).map(|place| (place.host, place.port));
        for (url, host, port) in [
            ("postgres://ally:secret@db.example:6543/ally", "db.example", 6543),
            ("postgresql://ally@db.example/ally", "db.example", 5432),
            ("postgres://ally@[::1]:5433/ally", "::1", 5433),
            ("postgres:///ally?host=/run/postgresql", "/run/postgresql", 5432),
            ("postgres://ally@localhost/ally?host=/run/pg&port=5434", "/run/pg", 5434),
            ("postgres://ally@%2Frun%2Fpostgresql/ally", "/run/postgresql", 5432),
            ("postgres:///ally", "localhost", 5432),
        ] {
            assert_eq!(of(url), Some((host.to_owned(), port)), "{url}");
        }
        assert_eq!(of("postgres"), None);
    }
}
