//! What happens to every request and every answer: headers that are taken away and added, and what is
//! refused at once.

use crate::gateway::Gateway;
use crate::peer::Peer;
use ally_http::answer::{self, Rejection};
use ally_http::log::REQUEST_HEADER;
use ally_http::page;
use ally_types::{Problem, RequestId};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// For plain pages that bring no policy of their own, and everything else.
const CSP: &str = "default-src 'self'; script-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; \
                   form-action 'self'";

/// For the app's page.
const APP_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
                       connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
                       frame-ancestors 'none'";

/// For the interface: nobody shall look at an answer as if it were a page.
const INTERFACE_CSP: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

const ALWAYS: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("x-dns-prefetch-control", "off"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Removes what only we may say (`x-ally-*`), gives the request an id, and adds the security headers to the answer.
pub async fn headers(State(gateway): State<Gateway>, mut request: Request, next: Next) -> Response {
    strip_ours(request.headers_mut());
    let id = RequestId::new(&*gateway.clock, &*gateway.chance).to_string();
    let id = HeaderValue::from_str(&id).expect("an id is visible ASCII");
    request.headers_mut().insert(REQUEST_HEADER, id.clone());
    let path = request.uri().path();
    let is_app = path == "/app" || path.starts_with("/app/");
    let is_interface = path.starts_with("/api/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    if is_app || is_interface {
        let policy = if is_app { APP_CSP } else { INTERFACE_CSP };
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    } else {
        // The platform's pages bring a stricter one.
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(CSP));
    }
    if gateway.public_url.starts_with("https://") {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    if is_interface {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    headers.insert(REQUEST_HEADER, id);
    response
}

/// Removes every header that starts with `x-ally-`.
fn strip_ours(headers: &mut HeaderMap) {
    let ours: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with("x-ally-")).cloned().collect();
    for name in ours {
        headers.remove(name);
    }
}

/// Refuses addresses that two roles might read differently, other names than the public one (a page elsewhere can make
/// its own name point here), and whoever comes over a network without HTTPS where the public address has it.
pub async fn refuse_strange(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    if !is_plain(request.uri().path()) {
        let strange = Problem::new(400, "strange_address", "This address is written in a way that Ally does not read.")
            .next("Go back to the start page.");
        return answer::render(&strange);
    }
    if is_unprotected(&gateway, &request) {
        let open = Problem::new(403, "not_encrypted", "Passwords could be read on this way, so Ally does not answer.")
            .next(format!("Open {} instead.", gateway.public_url));
        return answer::render(&open);
    }
    match host_fits(&gateway, &request) {
        Host::Fits => next.run(request).await,
        Host::OtherLoopback => {
            let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
            Redirect::temporary(&format!("{}{path}", gateway.origin())).into_response()
        }
        Host::Foreign => Rejection::from(
            Problem::new(421, "wrong_host", "Ally is not meant to be opened under this name.")
                .next(format!("Open it at {}.", gateway.public_url)),
        )
        .into_response(),
    }
}

/// Whoever opened an address in a browser reads a page where a program gets a problem. It is made here, so that it is
/// there while the platform is away, too.
pub async fn pages_for_people(request: Request, next: Next) -> Response {
    let is_wanted = page::is_wanted(request.uri().path(), request.headers());
    let response = next.run(request).await;
    let Some(mut problem) = response.extensions().get::<Problem>().filter(|_| is_wanted).cloned() else {
        return response;
    };
    // There is nothing to ask help for where somebody mistyped an address.
    problem.request = problem.request.filter(|_| problem.status >= 500);
    // Where Ally does not answer, every link of the page would lead to the page itself.
    let leads_nowhere = matches!(&*problem.kind, "wrong_host" | "not_encrypted");
    page::of(&problem, if leads_nowhere { page::Ways::LeftOut } else { page::Ways::Shown })
}

/// No empty, `.` or `..` segment, however it is written, and no slash in disguise.
fn is_plain(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let is_hidden = ["%2f", "%5c", "%00", "\\"].iter().any(|hidden| lower.contains(hidden));
    let segments = lower.strip_prefix('/').unwrap_or(&lower).split('/');
    let count = segments.clone().count();
    !is_hidden
        && segments.enumerate().all(|(at, segment)| {
            // An empty segment is only the one after a slash at the end.
            let is_last = at + 1 == count;
            !matches!(segment.replace("%2e", ".").as_str(), "." | "..") && (is_last || !segment.is_empty())
        })
}

enum Host {
    Fits,
    OtherLoopback,
    Foreign,
}

/// Whether a request came past the proxies that end HTTPS, over a network.
fn is_unprotected(gateway: &Gateway, request: &Request) -> bool {
    let peer = request.extensions().get::<Peer>().map(|Peer(address)| address.to_canonical());
    let is_far = peer.is_some_and(|peer| !peer.is_loopback() && !gateway.trusted_proxies.contains(&peer));
    let is_allowed = gateway.allow_plain_http || !gateway.public_url.starts_with("https://");
    is_far && !is_allowed && !is_probe(request)
}

/// Whoever watches over Ally asks under whatever name it knows.
fn is_probe(request: &Request) -> bool {
    matches!(request.uri().path(), "/healthz" | "/readyz")
}

fn host_fits(gateway: &Gateway, request: &Request) -> Host {
    let ours = gateway.origin().split_once("://").map_or("", |(_, ours)| ours);
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if !gateway.is_loopback_only() {
        let usual = if gateway.public_url.starts_with("https://") { ":443" } else { ":80" };
        let fits = host.is_some_and(|host| host.strip_suffix(usual).unwrap_or(host).eq_ignore_ascii_case(ours));
        return if fits || is_probe(request) { Host::Fits } else { Host::Foreign };
    }
    let Some(host) = host else { return Host::Fits };
    let is_page = request.method().is_safe() && !request.uri().path().starts_with("/api/");
    if host == ours || (is_loopback(name_of(host)) && (is_probe(request) || !is_page)) {
        Host::Fits
    } else if is_loopback(name_of(host)) {
        Host::OtherLoopback
    } else {
        Host::Foreign
    }
}

/// The name or address without the port.
pub fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Whether a name means this machine.
pub fn is_loopback(name: &str) -> bool {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_two_readers_may_read_differently_are_refused() {
        for plain in
            ["/", "/app/", "/api/v1/memory/files/people/ana.md", "/api/v1/memory/files/a%20b.md", "/.well-known"]
        {
            assert!(is_plain(plain), "{plain}");
        }
        for strange in [
            "//internal",
            "/api/v1/auth/../../internal",
            "/a/./b",
            "/a/%2e%2E/b",
            "/a/.%2e",
            "/a%2fb",
            "/a%5Cb",
            "/a\\b",
            "/a%00",
            "/a//b",
        ] {
            assert!(!is_plain(strange), "{strange}");
        }
    }

    #[test]
    fn every_name_of_this_machine_is_known() {
        for ours in ["localhost", "127.0.0.1", "127.8.9.1", "[::1]", "::1", "[::ffff:127.0.0.1]"] {
            assert!(is_loopback(ours), "{ours}");
        }
        assert!(!is_loopback("localhost.evil.example"));
        assert!(!is_loopback("10.0.0.1"));
        assert_eq!((name_of("[::1]:8080"), name_of("localhost:8080"), name_of("a")), ("[::1]", "localhost", "a"));
    }
}
