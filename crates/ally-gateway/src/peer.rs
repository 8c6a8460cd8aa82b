//! Where a request came from, for limits per address: the TCP peer, or what a trusted proxy says.

use http::HeaderMap;
use std::net::IpAddr;

/// The header that carries the client's address to the platform.
pub const HEADER: &str = "x-ally-peer";

/// The other end of the TCP connection; an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// The client's address in words: `loopback` for this machine. When the connection comes from a trusted proxy, the
/// right-most address of `X-Forwarded-For` that is not a trusted proxy counts; everything left of it is hearsay.
pub fn client(peer: Option<Peer>, headers: &HeaderMap, trusted: &[IpAddr]) -> String {
    let Some(Peer(peer)) = peer else { return "loopback".to_owned() };
    let mut client = peer.to_canonical();
    if trusted.contains(&client) {
        let lines: Vec<&str> =
            headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).collect();
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
            client = hop.to_canonical();
            if !trusted.contains(&client) {
                break;
            }
        }
    }
    if client.is_loopback() { "loopback".to_owned() } else { client.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_what_a_trusted_proxy_says_is_believed() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let says = |line: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", HeaderValue::from_static(line));
            headers
        };
        let trusted = [address("10.0.0.1"), address("127.0.0.1")];
        let cases = [
            ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
            ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.1", "198.51.100.1"),
            ("10.0.0.1", "nonsense", "10.0.0.1"),
            ("10.0.0.1", "6.6.6.6, nonsense", "10.0.0.1"),
            ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "127.0.0.9", "loopback"),
        ];
        for (peer, line, expected) in cases {
            assert_eq!(client(Some(Peer(address(peer))), &says(line), &trusted), expected, "{peer} {line}");
        }
        assert_eq!(client(Some(Peer(address("::1"))), &HeaderMap::new(), &[]), "loopback");
        assert_eq!(client(Some(Peer(address("127.0.0.1"))), &says("198.51.100.1"), &[]), "loopback");
    }
}
