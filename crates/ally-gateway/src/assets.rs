//! The app's files: compressed at build time, kept for ever when their name holds a hash, never confused with the page.

use ally_http::answer;
use ally_types::Problem;
use ally_web::Asset;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

/// The one page of the app, for every address below `/app`.
pub async fn index(request: Request) -> Response {
    send(ally_web::index(), request.headers())
}

/// A file of the app. A missing one is missing: a browser with an older page would take HTML for a script.
pub async fn asset(request: Request) -> Response {
    ally_web::get(request.uri().path()).map_or_else(missing, |asset| send(asset, request.headers()))
}

/// What no route has: the few files that browsers want at the root (`/favicon.svg`), else 404.
pub async fn other(request: Request) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    match ally_web::get(request.uri().path()) {
        Some(asset) if is_read => send(asset, request.headers()),
        _ => missing(),
    }
}

fn missing() -> Response {
    answer::render(&Problem::not_found("route_not_found", "There is nothing at this address."))
}

fn send(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let (bytes, encoding) = match (asset.br, asset.gz) {
        (Some(br), _) if accepts(headers, "br") => (br, Some("br")),
        (_, Some(gz)) if accepts(headers, "gzip") => (gz, Some("gzip")),
        _ => (asset.bytes, None),
    };
    let is_known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|known| known.to_str().ok())
        .is_some_and(|known| known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == asset.etag));
    let mut response = Response::new(if is_known { Body::empty() } else { Body::from(Bytes::from_static(bytes)) });
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::from_static(asset.etag));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let kept = if asset.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// Whether the browser takes this encoding; `q=0` means that it does not.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok()).any(|line| {
        line.split(',').any(|item| {
            let mut parts = item.split(';').map(str::trim);
            let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
            let is_refused = parts
                .filter_map(|part| part.strip_prefix("q="))
                .any(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0));
            is_named && !is_refused
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_with_weight_zero_is_not_sent() {
        let headers = |line: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(line));
            headers
        };
        assert!(accepts(&headers("gzip, deflate, br"), "br"));
        assert!(accepts(&headers("gzip;q=0.5"), "gzip"));
        assert!(!accepts(&headers("gzip, br;q=0"), "br"));
        assert!(!accepts(&headers("brotli"), "br"));
        assert!(!accepts(&HeaderMap::new(), "br"));
    }
}
