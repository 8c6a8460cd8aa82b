//! The name or address of a destination. There is one way to write each; every other way is refused, not read.
//!
//! Two programs that read `0177.1`, `2130706433` or `example.com.` differently are how filters are walked around, so
//! what is accepted is exactly what is resolved, connected to, listed, counted and shown.

use super::address::{self, Blocked};
use ally_types::log::Loggable;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A destination: a name in small letters, or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// A name.
    Name(String),
    /// An address.
    Address(IpAddr),
}

/// What is wrong with how a destination is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is there.
    Empty,
    /// More than 253 letters, or a label of more than 63.
    TooLong,
    /// Letters beyond ASCII; a name in other scripts is written in its `xn--` form.
    OtherScript,
    /// A user name or a password before it.
    User,
    /// A letter that no name has: percent signs, spaces, underscores, control characters.
    Letter,
    /// An empty label, or a dot at the end.
    Dots,
    /// A label that begins or ends with a hyphen.
    Hyphen,
    /// A number that some programs would read as an address.
    Number,
    /// An address of version 6 that does not fit, has a zone, or wraps one of version 4.
    Six,
}

impl Fault {
    /// In words, with what to write instead.
    pub const fn in_words(self) -> (&'static str, &'static str) {
        match self {
            Self::Empty => ("There is no host.", "Write a name such as example.org."),
            Self::TooLong => ("This name is longer than names can be.", "Write a name such as example.org."),
            Self::OtherScript => (
                "Names here are written in plain letters only.",
                "Write the name in its xn-- form, as browsers show it.",
            ),
            Self::User => ("There is a user name before the host.", "Write only the host, such as example.org."),
            Self::Letter => (
                "This holds a character that no host has.",
                "Write only the host, without https:// and without a path.",
            ),
            Self::Dots => ("There is a dot too many.", "Write a name such as example.org, without a dot at the end."),
            Self::Hyphen => ("A part of this name begins or ends with a hyphen.", "Check how the name is written."),
            Self::Number => (
                "This is a number that can be read in several ways.",
                "Write an address as four plain numbers with dots, or use a name.",
            ),
            Self::Six => (
                "This is not an address that can be called.",
                "Write an address of version 6 without a zone, in brackets where a port follows, or use a name.",
            ),
        }
    }
}

/// Names that never lead to the public internet (RFC 6761, 6762, 7686, 8375, and what routers and clouds use).
const OURS: &[&str] = &[
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "lan",
    "home",
    "corp",
    "home.arpa",
    "onion",
    "invalid",
];

impl Host {
    /// Why this host may not be called before any name is looked up; for a name, what its address is decides later.
    pub fn blocked(&self) -> Option<Blocked> {
        match self {
            Self::Address(address) => address::check(*address),
            Self::Name(name) => {
                let is_ours =
                    |ours: &&str| name.strip_suffix(ours).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                (!name.contains('.') || OURS.iter().any(is_ours)).then_some(Blocked::Private)
            }
        }
    }
}

impl FromStr for Host {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if text.is_empty() {
            return Err(Fault::Empty);
        }
        if !text.is_ascii() {
            return Err(Fault::OtherScript);
        }
        if text.contains('@') {
            return Err(Fault::User);
        }
        if text.contains(['[', ']', ':']) {
            return six(text);
        }
        name(text)
    }
}

fn six(text: &str) -> Result<Host, Fault> {
    let bare = match (text.strip_prefix('['), text.strip_suffix(']')) {
        (Some(rest), Some(_)) => rest.strip_suffix(']').ok_or(Fault::Six)?,
        (None, None) => text,
        _ => return Err(Fault::Six),
    };
    let address: Ipv6Addr = bare.parse().map_err(|_| Fault::Six)?;
    // One of version 4 in disguise is written as one of version 4.
    if address.to_ipv4_mapped().is_some() { Err(Fault::Six) } else { Ok(Host::Address(address.into())) }
}

fn name(text: &str) -> Result<Host, Fault> {
    if text.len() > 253 {
        return Err(Fault::TooLong);
    }
    let name = text.to_ascii_lowercase();
    for label in name.split('.') {
        if label.is_empty() {
            return Err(Fault::Dots);
        }
        if !label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
            return Err(Fault::Letter);
        }
        if label.len() > 63 {
            return Err(Fault::TooLong);
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(Fault::Hyphen);
        }
    }
    // Whatever ends in a number is an address to many programs: decimal, octal, hexadecimal, with fewer parts.
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_hex = last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if !is_hex && !last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Host::Name(name));
    }
    // The standard library takes four plain decimal numbers without leading zeros, and nothing else.
    let address: Ipv4Addr = name.parse().map_err(|_| Fault::Number)?;
    if address.to_string() == name { Ok(Host::Address(address.into())) } else { Err(Fault::Number) }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

impl Loggable for Host {
    fn write(&self, line: &mut String) {
        line.push_str(&self.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_way_to_write_a_host() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        for (text, canonical) in [
            ("example.org", "example.org"),
            ("EXAMPLE.Org", "example.org"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("a-b.c0.example", "a-b.c0.example"),
            ("1.example", "1.example"),
            ("0x7f.example", "0x7f.example"),
            ("localhost", "localhost"),
            ("93.184.216.34", "93.184.216.34"),
            ("[2606:4700::1111]", "2606:4700::1111"),
            ("2606:4700:0:0:0:0:0:1111", "2606:4700::1111"),
            ("[2606:4700::ABCD]", "2606:4700::abcd"),
            (longest.as_str(), longest.as_str()),
        ] {
            assert_eq!(text.parse::<Host>().map(|host| host.to_string()), Ok(canonical.to_owned()), "{text}");
        }
        let too_long = format!("{longest}a.b");
        for (text, fault) in [
            ("", Fault::Empty),
            (too_long.as_str(), Fault::TooLong),
            ("bücher.example", Fault::OtherScript),
            ("еxample.org", Fault::OtherScript),
            ("１２７.0.0.1", Fault::OtherScript),
            ("example。org", Fault::OtherScript),
            ("user@example.org", Fault::User),
            ("example.org.", Fault::Dots),
            (".example.org", Fault::Dots),
            ("example..org", Fault::Dots),
            (".", Fault::Dots),
            ("ex%61mple.org", Fault::Letter),
            ("example.org/x", Fault::Letter),
            ("example.org\\x", Fault::Letter),
            ("example.org#x", Fault::Letter),
            ("exa mple.org", Fault::Letter),
            ("example.org\0", Fault::Letter),
            ("ex_ample.org", Fault::Letter),
            ("*.example.org", Fault::Letter),
            ("-a.example", Fault::Hyphen),
            ("a-.example", Fault::Hyphen),
            ("2130706433", Fault::Number),
            ("0x7f000001", Fault::Number),
            ("0x", Fault::Number),
            ("017700000001", Fault::Number),
            ("127.1", Fault::Number),
            ("0177.0.0.1", Fault::Number),
            ("0x7f.0.0.1", Fault::Number),
            ("127.0.0.0x1", Fault::Number),
            ("127.0.0.01", Fault::Number),
            ("127.0.0.256", Fault::Number),
            ("1.2.3.4.5", Fault::Number),
            ("example.0x1", Fault::Number),
            ("[::ffff:127.0.0.1]", Fault::Six),
            ("[fe80::1%25eth0]", Fault::Six),
            ("[fe80::1%eth0]", Fault::Six),
            ("[::1", Fault::Six),
            ("::1]", Fault::Six),
            ("[[::1]]", Fault::Six),
            ("[127.0.0.1]", Fault::Six),
            ("[]", Fault::Six),
            ("example.org:443", Fault::Six),
        ] {
            assert_eq!(text.parse::<Host>(), Err(fault), "{text}");
        }
    }

    #[test]
    fn names_of_a_house_or_a_cloud_are_known_without_asking_anybody() {
        let is_blocked = |text: &str| text.parse::<Host>().expect("a host").blocked().is_some();
        for ours in [
            "localhost",
            "a.localhost",
            "router.lan",
            "printer.local",
            "metadata.google.internal",
            "intranet",
            "nas.home",
        ] {
            assert!(is_blocked(ours), "{ours}");
        }
        for public in
            ["example.org", "notlocal.example", "internal.example.org", "thelan.example", "mylocalhost.example"]
        {
            assert!(!is_blocked(public), "{public}");
        }
    }
}
