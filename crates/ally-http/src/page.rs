//! Plain pages: the frame of every page without a script, and a problem as a page for whoever opened it in a browser.

use ally_types::Problem;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::fmt::Write as _;

/// Nothing is loaded but the style sheet and the icon, nothing is sent anywhere, and no other page may frame these.
pub const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What a page offers besides its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ways {
    /// The ways to sign in and to the other pages.
    Shown,
    /// None: from where this page is read, they would only lead to it again.
    LeftOut,
}

/// A whole document. `body` is markup: whatever did not come from this program has to be [`escape`]d.
pub fn framed(title: &str, body: &str, ways: Ways) -> String {
    let mut page = String::with_capacity(body.len() + 4096);
    page.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.push_str("<meta name=\"color-scheme\" content=\"light dark\">\n");
    page.push_str("<link rel=\"icon\" type=\"image/svg+xml\" href=\"/favicon.svg\">\n");
    page.push_str("<link rel=\"stylesheet\" href=\"/public.css\">\n<title>");
    escape(title, &mut page);
    page.push_str(if title == "Ally" { "" } else { " · Ally" });
    page.push_str("</title>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the text</a>\n");
    page.push_str("<header><div class=\"wide bar\">");
    match ways {
        Ways::Shown => {
            page.push_str("<a class=\"name\" href=\"/\">");
            page.push_str(MARK);
            page.push_str(
                "Ally</a><nav aria-label=\"Account\"><a href=\"/app/sign-in\">Sign in</a>\
                 <a class=\"button\" href=\"/app/sign-up\">Sign up</a></nav>",
            );
        }
        Ways::LeftOut => {
            page.push_str("<span class=\"name\">");
            page.push_str(MARK);
            page.push_str("Ally</span>");
        }
    }
    page.push_str("</div></header>\n<main id=\"main\">\n");
    page.push_str(body);
    page.push_str("</main>\n");
    if ways == Ways::Shown {
        page.push_str(
            "<footer><div class=\"wide\"><nav aria-label=\"Pages\"><a href=\"/docs\">First steps</a>\
             <a href=\"/changelog\">What changed</a><a href=\"/legal/privacy\">Privacy</a>\
             <a href=\"/legal/cookies\">Cookies</a><a href=\"/legal/terms\">Terms</a></nav></div></footer>\n",
        );
    }
    page.push_str("</body>\n</html>\n");
    page
}

const MARK: &str = "<svg viewBox=\"0 0 24 24\" width=\"26\" height=\"26\" aria-hidden=\"true\">\
    <rect width=\"24\" height=\"24\" rx=\"5\" fill=\"#14534a\"/><path d=\"M8 4.5v15\" stroke=\"#8cc8b8\" stroke-width=\"1.5\"/>\
    <circle cx=\"8\" cy=\"8\" r=\"2.6\" fill=\"#fff\"/><circle cx=\"8\" cy=\"16\" r=\"2.6\" fill=\"#e0a83c\"/>\
    <path d=\"M13 8h5M13 16h4\" stroke=\"#fff\" stroke-width=\"2\" stroke-linecap=\"round\"/></svg>";

/// Writes a text so that it cannot become markup.
pub fn escape(text: &str, into: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&#39;"),
            other => into.push(other),
        }
    }
}

/// Whether somebody opened this address in a browser and shall read a page. Programs ask the interface, and ask for
/// anything (`*/*`), so they keep getting the problem itself.
pub fn is_wanted(path: &str, headers: &HeaderMap) -> bool {
    let is_interface = ["/api", "/internal", "/healthz", "/readyz"]
        .iter()
        .any(|root| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    let asks = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let mut asks = asks.flat_map(|line| line.split(','));
    !is_interface
        && asks.any(|item| {
            let mut parts = item.split(';').map(str::trim);
            let is_page = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"));
            let is_refused = parts
                .filter_map(|part| part.strip_prefix("q="))
                .any(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0));
            is_page && !is_refused
        })
}

/// A problem as a page: the sentence, the next step, and the ways on. It is never cached, and still stands in the
/// response's extensions for the request log.
pub fn of(problem: &Problem, ways: Ways) -> Response {
    let title = problem.title.trim_end_matches('.');
    let mut body = String::from("<article>\n<h1>");
    escape(title, &mut body);
    body.push_str("</h1>\n");
    body.push_str("<p>");
    let next = problem.next_step.as_deref().unwrap_or_default();
    // "Go back to the list" says nothing to somebody who typed an address.
    escape(if problem.status == 404 { "It may have moved, or the link was cut." } else { next }, &mut body);
    body.push_str("</p>\n");
    if let Some(seconds) = problem.retry_after {
        let _ = writeln!(
            body,
            "<p>Trying again makes sense after {seconds} {}.</p>",
            if seconds == 1 { "second" } else { "seconds" }
        );
    }
    if ways == Ways::Shown {
        body.push_str("<p><a href=\"/\">Go to the first page</a> or <a href=\"/app\">open Ally</a>.</p>\n");
    }
    if let Some(request) = &problem.request {
        let _ = writeln!(body, "<p>Request <code>{request}</code></p>");
    }
    body.push_str("</article>\n");
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, framed(title, &body, ways)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    if let Some(seconds) = problem.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response.extensions_mut().insert(problem.clone());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_for_whoever_opened_an_address_in_a_browser() {
        let wanted = |path: &str, accept: &'static str| {
            is_wanted(path, &[(header::ACCEPT, HeaderValue::from_static(accept))].into_iter().collect())
        };
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for path in ["/", "/nowhere", "/app/x", "/assets/x.js", "/legal/x", "/apiary", "/healthzz"] {
            assert!(wanted(path, browser), "{path}");
            assert!(!wanted(path, "*/*") && !wanted(path, "application/json, text/html;q=0"), "{path}");
        }
        for path in ["/api", "/api/v1/chats", "/api/openapi.json", "/healthz", "/readyz", "/internal/x"] {
            assert!(!wanted(path, browser), "{path}");
        }
        assert!(!is_wanted("/nowhere", &HeaderMap::new()));
    }

    #[test]
    fn no_sentence_can_become_markup() {
        let mut text = String::new();
        escape("<script>alert('\"&')</script>", &mut text);
        assert_eq!(text, "&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;");
        let page = framed("<b>", "", Ways::LeftOut);
        assert!(page.contains("<title>&lt;b&gt; · Ally</title>") && !page.contains("<a class=\"name\""), "{page}");
    }
}
