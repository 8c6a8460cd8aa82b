//! Which server is talked to.

use super::Fault;
use crate::config::{Config, Environment, Given};
use reqwest::Url;
use std::net::IpAddr;
use std::path::Path;

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// Scheme, host and port, as a browser writes an origin.
    pub(super) origin: String,
    /// Whether the person named it, or it is this machine. One that a file of the directory named is neither.
    pub(super) is_trusted: bool,
}

/// The flag, else `ALLY_SERVER`, else the public address of the installation that is configured here.
pub(super) fn find(flag: Option<&str>, environment: &Environment, directory: &Path) -> Result<Address, Fault> {
    let allows_plain = environment.get("ALLY_ALLOW_PLAIN_HTTP").is_some_and(|value| value == "yes");
    let named = flag.or_else(|| environment.get("ALLY_SERVER").map(String::as_str).filter(|url| !url.is_empty()));
    if let Some(url) = named {
        return read(url, allows_plain).map(|(origin, _)| Address { origin, is_trusted: true });
    }
    let config = Config::load(Given::default(), environment, directory).map_err(|error| {
        let said = error.to_string();
        let (what, next_step) = said.split_once('\n').unwrap_or((&said, "Name the server with --server."));
        Fault::said(what, next_step)
    })?;
    let (origin, is_here) = read(&config.public_url, config.allow_plain_http)?;
    Ok(Address { origin, is_trusted: is_here })
}

/// The origin, and whether it is this machine.
fn read(text: &str, allows_plain: bool) -> Result<(String, bool), Fault> {
    let wrong = || Fault::said("This is not the address of a server.", "Write it as https://ally.example.");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let host = url.host_str().filter(|_| is_bare && url.username().is_empty() && url.password().is_none());
    let (Some(host), "http" | "https") = (host, url.scheme()) else { return Err(wrong()) };
    let is_here = host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    if url.scheme() == "http" && !is_here && !allows_plain {
        return Err(Fault::said(
            "Over http your password and your chats could be read on the way.",
            "Use the https address. If everybody on the network may read everything, set ALLY_ALLOW_PLAIN_HTTP=yes.",
        ));
    }
    Ok((url.origin().ascii_serialization(), is_here))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_wins_over_the_variable_and_the_variable_over_what_is_configured() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut environment = Environment::new();
        let found = |flag: Option<&str>, environment: &Environment| {
            let address = find(flag, environment, directory.path()).expect("an address");
            (address.origin, address.is_trusted)
        };
        assert_eq!(found(None, &environment), ("http://127.0.0.1:8080".to_owned(), true));
        std::fs::write(directory.path().join("ally.toml"), "public_url = \"https://file.example\"\n").expect("written");
        assert_eq!(found(None, &environment), ("https://file.example".to_owned(), false));
        environment.insert("ALLY_SERVER".to_owned(), "https://Variable.example:443/".to_owned());
        assert_eq!(found(None, &environment), ("https://variable.example".to_owned(), true));
        assert_eq!(found(Some("http://[::1]:80"), &environment), ("http://[::1]".to_owned(), true));
    }

    #[test]
    fn what_is_no_address_or_would_send_the_password_in_clear_is_refused() {
        for strange in ["ally.example", "ftp://a", "https://a/app", "https://mira@a", "https://a?x", "https://", ""] {
            assert!(read(strange, true).is_err(), "{strange}");
        }
        assert!(read("http://ally.lan", false).is_err());
        assert!(read("http://ally.lan", true).is_ok());
        assert!(read("http://localhost:1", false).is_ok());
    }
}
