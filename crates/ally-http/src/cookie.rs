//! The cookies of Ally. There is no other place that sets one.

use http::{HeaderMap, HeaderValue, header};

/// Every cookie that Ally may set. The privacy register is compared with this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    /// Who is signed in: a signed token, unreadable for scripts.
    Session,
}

/// Over what the browser reaches us. Over HTTPS cookies get the `__Host-` prefix and `Secure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// HTTPS, also behind a proxy that ends it.
    Https,
    /// Plain HTTP on the loopback address.
    PlainLoopback,
}

impl Transport {
    /// What the public address says.
    pub fn of(public_url: &str) -> Self {
        if public_url.starts_with("https://") { Self::Https } else { Self::PlainLoopback }
    }
}

impl Cookie {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Session];

    /// The name on plain loopback.
    pub const fn base_name(self) -> &'static str {
        match self {
            Self::Session => "ally_session",
        }
    }

    /// The name for this transport.
    pub const fn name(self, transport: Transport) -> &'static str {
        match (self, transport) {
            (Self::Session, Transport::Https) => "__Host-ally_session",
            (Self::Session, Transport::PlainLoopback) => "ally_session",
        }
    }

    /// Reads the cookie from a request. Twice the same name is refused: one of them may have been planted.
    pub fn read(self, transport: Transport, headers: &HeaderMap) -> Option<&str> {
        let name = self.name(transport);
        let mut found = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| {
            line.split(';')
                .filter_map(|pair| pair.trim().split_once('='))
                .filter(|(key, _)| *key == name)
                .map(|(_, value)| value)
        });
        let first = found.next()?;
        if found.next().is_some() { None } else { Some(first) }
    }

    /// A `Set-Cookie` value. `value` must be visible ASCII without `;`, as tokens are.
    pub fn set(self, transport: Transport, value: &str, max_age_seconds: i64) -> HeaderValue {
        let secure = if transport == Transport::Https { "; Secure" } else { "" };
        let name = self.name(transport);
        let line = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_seconds}{secure}");
        HeaderValue::from_str(&line).expect("tokens are visible ASCII")
    }

    /// A `Set-Cookie` value that removes the cookie.
    pub fn clear(self, transport: Transport) -> HeaderValue {
        self.set(transport, "", 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_that_comes_twice_is_not_believed() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("theme=x; ally_session=abc"));
        assert_eq!(Cookie::Session.read(Transport::PlainLoopback, &headers), Some("abc"));
        assert_eq!(Cookie::Session.read(Transport::Https, &headers), None);
        headers.append(header::COOKIE, HeaderValue::from_static("ally_session=planted"));
        assert_eq!(Cookie::Session.read(Transport::PlainLoopback, &headers), None);
    }
}
