//! A destination with its port, and the single places in the house that an administrator has named.

use super::host::{Fault, Host};
use std::fmt;
use std::str::FromStr;

/// The port of HTTPS, which is meant where none is named.
pub const HTTPS: u16 = 443;

/// The port of plain HTTP.
pub const HTTP: u16 = 80;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// The host.
    pub host: Host,
    /// The port; never 0.
    pub port: u16,
}

/// What is wrong with a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// The host.
    Host(Fault),
    /// The port: missing, zero, too large, or no plain number.
    Port,
}

impl Target {
    /// Reads `host:port`, or `host` alone where `otherwise` says which port is meant.
    pub fn read(text: &str, otherwise: Option<u16>) -> Result<Self, Unreadable> {
        let (host, port) = split(text);
        let host: Host = host.parse().map_err(Unreadable::Host)?;
        // An address of version 6 needs its brackets here, or its last part could be the port.
        if matches!(host, Host::Address(address) if address.is_ipv6()) && !text.starts_with('[') {
            return Err(Unreadable::Host(Fault::Six));
        }
        let port = match port {
            Some(port) => Some(read_port(port).ok_or(Unreadable::Port)?),
            None => otherwise,
        };
        Ok(Self { host, port: port.ok_or(Unreadable::Port)? })
    }

    /// How the destination is listed, counted and shown: without the port where it is one of the web's.
    pub fn shown(&self) -> String {
        if is_web(self.port) { self.host.to_string() } else { self.to_string() }
    }
}

/// Whether this is a port of the web.
pub fn is_web(port: u16) -> bool {
    matches!(port, HTTP | HTTPS)
}

fn split(text: &str) -> (&str, Option<&str>) {
    match text.rfind(']') {
        Some(end) => match text[end + 1..].strip_prefix(':') {
            Some(port) => (&text[..=end], Some(port)),
            None => (text, None),
        },
        None => match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => (host, Some(port)),
            _ => (text, None),
        },
    }
}

/// One to 65535 in plain digits: no sign, no leading zero, no space.
fn read_port(text: &str) -> Option<u16> {
    let is_plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}

impl FromStr for Target {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        Self::read(text, None)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(address) if address.is_ipv6() => write!(f, "[{address}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

/// Reads the administrator's list of places in the house: `host:port`, separated by commas.
///
/// # Errors
/// The entry that cannot be read.
pub fn read_private(list: &str) -> Result<Vec<Target>, String> {
    let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(|entry| entry.parse().map_err(|_| entry.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_has_a_host_and_a_plain_port() {
        let read = |text: &str| Target::read(text, None).map(|target| target.to_string());
        for text in ["example.org:443", "93.184.216.34:8443", "[2606:4700::1111]:1", "example.org:65535"] {
            assert_eq!(read(text), Ok(text.to_owned()));
        }
        for text in [
            "example.org",
            "example.org:",
            "example.org:0",
            "example.org:65536",
            "example.org:+80",
            "example.org:080",
            "example.org: 80",
            "example.org:-1",
            "example.org:http",
            "example.org:99999999999999999999",
        ] {
            assert_eq!(read(text), Err(Unreadable::Port), "{text}");
        }
        for text in ["2606:4700::1111:443", "a:b:443", "[::1]443", "[::1", ":443", "", "http://example.org:443"] {
            assert!(matches!(read(text), Err(Unreadable::Host(_))), "{text}");
        }
        assert_eq!(Target::read("example.org", Some(443)).map(|target| target.shown()), Ok("example.org".to_owned()));
        assert_eq!(Target::read("a.example:993", None).map(|target| target.shown()), Ok("a.example:993".to_owned()));
    }

    #[test]
    fn the_administrators_list_is_read_or_its_fault_is_named() {
        let list = read_private(" mail.house:993, 10.0.0.5:25,[fd00::5]:8080,").expect("a list");
        assert_eq!(
            list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            "mail.house:993 10.0.0.5:25 [fd00::5]:8080"
        );
        assert_eq!(read_private(""), Ok(Vec::new()));
        for wrong in ["mail.house", "http://mail.house:80", "10.0.0.0/8:25", "*:993"] {
            assert_eq!(read_private(wrong), Err(wrong.to_owned()));
        }
    }
}
