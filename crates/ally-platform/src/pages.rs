//! The public pages: plain HTML without a script, written once at the start.

mod changelog;
mod html;
mod landing;
mod legal;

use crate::platform::{App, Operator};
use ally_http::{answer, page};
use ally_types::chance;
use ally_types::register::Register;
use axum::Router;
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use html::Page;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::sync::Arc;

const STYLE: &str = include_str!("pages/public.css");

/// All public pages, ready to be sent.
pub(crate) struct Documents {
    landing: Rendered,
    docs: Rendered,
    privacy: Rendered,
    cookies: Rendered,
    terms: Rendered,
    changelog: Rendered,
    style: Rendered,
}

/// One page, and a digest of what it says.
struct Rendered {
    body: String,
    version: String,
    tag: HeaderValue,
    kind: &'static str,
}

impl Rendered {
    fn page(page: &Page) -> Self {
        // The version is a digest of the text alone, so that a new style sheet is not a new privacy policy.
        let version = digest(page.body())[..12].to_owned();
        Self::new(page.render(&version), version, "text/html; charset=utf-8")
    }

    fn new(body: String, version: String, kind: &'static str) -> Self {
        let tag = HeaderValue::from_str(&format!("\"{}\"", &digest(&body)[..16])).expect("a digest is visible ASCII");
        Self { body, version, tag, kind }
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| *known == self.tag);
        let mut response = if is_known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(header::CONTENT_TYPE, self.kind)], self.body.clone()).into_response()
        };
        harden(response.headers_mut());
        response.headers_mut().insert(header::ETAG, self.tag.clone());
        response
    }
}

fn digest(text: &str) -> String {
    chance::encode_hex(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref())
}

fn harden(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, page::CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

impl Documents {
    /// Writes all pages.
    pub(crate) fn new(register: Register, operator: &Operator) -> Self {
        Self {
            landing: Rendered::page(&landing::page()),
            docs: Rendered::page(&landing::docs()),
            privacy: Rendered::page(&legal::privacy(register, operator)),
            cookies: Rendered::page(&legal::cookies(register)),
            terms: Rendered::page(&legal::terms(operator)),
            changelog: Rendered::page(&changelog::page()),
            style: Rendered::new(STYLE.to_owned(), String::new(), "text/css; charset=utf-8"),
        }
    }

    /// The documents that are accepted at sign-up, with their versions.
    pub(crate) fn versions(&self) -> [(&'static str, &str); 2] {
        [("privacy", &self.privacy.version), ("terms", &self.terms.version)]
    }
}

/// The routes of the pages.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(|State(app): State<Arc<App>>, headers: HeaderMap| async move { app.documents.landing.answer(&headers) }))
        .route("/docs", get(|State(app): State<Arc<App>>, headers: HeaderMap| async move { app.documents.docs.answer(&headers) }))
        .route("/legal/privacy", get(|State(app): State<Arc<App>>, headers: HeaderMap| async move { app.documents.privacy.answer(&headers) }))
        .route("/legal/cookies", get(|State(app): State<Arc<App>>, headers: HeaderMap| async move { app.documents.cookies.answer(&headers) }))
        .route("/legal/terms", get(|State(app): State<Arc<App>>, headers: HeaderMap| async move { app.documents.terms.answer(&headers) }))
        .route("/changelog", get(|State(app): State<Arc<App>>, headers: HeaderMap| async move { app.documents.changelog.answer(&headers) }))
        .route("/public.css", get(|State(app): State<Arc<App>>, headers: HeaderMap| async move { app.documents.style.answer(&headers) }))
}

/// For a path that no route has: a page for people, a problem for programs.
pub(crate) async fn missing(OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Response {
    if !page::is_wanted(uri.path(), &headers) {
        return answer::no_such_route().await.into_response();
    }
    let mut response = page::of(&answer::no_such_route().await.0, page::Ways::Shown);
    harden(response.headers_mut());
    response
}
