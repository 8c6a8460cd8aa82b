//! Who made a browser send this: the check against requests from other sites (CSRF).

use crate::Rejection;
use ally_types::Problem;
use http::{HeaderMap, Method, header};

/// Refuses a request that a page of another origin may have caused. It is asked for every unsafe method and for
/// event streams, when the request carries a cookie.
///
/// Browsers send `Origin` with every unsafe request; for a stream opened by `GET` they may leave it out but then
/// say `Sec-Fetch-Site`. A request with neither came from no browser of the last years and is refused when unsafe.
pub fn check(method: &Method, headers: &HeaderMap, public_origin: &str) -> Result<(), Rejection> {
    let is_allowed = match headers.get(header::ORIGIN) {
        Some(origin) => origin.as_bytes() == public_origin.as_bytes(),
        None => match headers.get("sec-fetch-site") {
            Some(site) => matches!(site.as_bytes(), b"same-origin" | b"none"),
            None => method.is_safe(),
        },
    };
    if is_allowed {
        return Ok(());
    }
    Err(Rejection::from(
        Problem::new(403, "wrong_origin", "This request came from another site, so it was not carried out.")
            .next("Open Ally at its own address and try again there."),
    ))
}

/// The origin (`scheme://host[:port]`) of a public address.
pub fn of(public_url: &str) -> &str {
    let scheme = public_url.find("://").map_or(0, |at| at + 3);
    let end = public_url[scheme..].find('/').map_or(public_url.len(), |at| scheme + at);
    &public_url[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_our_own_pages_may_change_something() {
        let ours = "http://127.0.0.1:8080";
        let headers = |pairs: &[(&'static str, &'static str)]| {
            pairs.iter().map(|(k, v)| (k.parse().expect("name"), HeaderValue::from_static(v))).collect::<HeaderMap>()
        };
        assert!(check(&Method::POST, &headers(&[("origin", ours)]), ours).is_ok());
        assert!(check(&Method::POST, &headers(&[("origin", "http://evil.example")]), ours).is_err());
        assert!(check(&Method::POST, &headers(&[("origin", "null")]), ours).is_err());
        assert!(check(&Method::POST, &headers(&[("sec-fetch-site", "cross-site")]), ours).is_err());
        assert!(check(&Method::POST, &headers(&[]), ours).is_err());
        assert!(check(&Method::GET, &headers(&[]), ours).is_ok());
        assert!(check(&Method::GET, &headers(&[("origin", "http://evil.example")]), ours).is_err());
        assert_eq!(of("https://ally.example/app"), "https://ally.example");
    }
}
