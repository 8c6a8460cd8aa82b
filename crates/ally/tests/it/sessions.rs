//! Cookies that do not count: expired, signed out, or signed with the real key for somebody else.

use crate::app::TestApp;
use crate::browser::Browser;
use ally_types::seal::Key;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use ring::hmac;
use serde_json::{Value, json};

/// One route of the platform, of the gateway itself, and of the assistant, and a stream.
async fn statuses(browser: &Browser, chat: &str) -> Vec<u16> {
    let mut statuses = Vec::new();
    for (method, path) in [
        (Method::GET, "/api/v1/account".to_owned()),
        (Method::POST, "/api/v1/assistant/stop".to_owned()),
        (Method::GET, "/api/v1/chats".to_owned()),
        (Method::GET, format!("/api/v1/chats/{chat}/events")),
    ] {
        let cookie = browser.cookie.lock().unwrap().clone();
        let body = (!method.is_safe()).then(|| json!({}));
        statuses.push(browser.open(browser.request(method, &path, body)).await.status().as_u16());
        assert_eq!(*browser.cookie.lock().unwrap(), cookie, "the same cookie is tried on every route");
    }
    statuses
}

/// The person's token with something changed, signed with the key of the installation.
fn signed_anew(token: &str, key: &Key, header: Option<Value>, change: impl FnOnce(&mut Value)) -> String {
    let [head, body, _] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
    change(&mut claims);
    let head = header.map_or_else(|| head.to_owned(), |header| URL_SAFE_NO_PAD.encode(header.to_string()));
    let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.expose()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// There is no host in one process, so nobody can be stopped; being asked to is enough.
const OPEN: [u16; 4] = [200, 503, 200, 200];
const REFUSED: [u16; 4] = [401; 4];

#[tokio::test]
async fn a_token_for_another_audience_opens_nothing_although_its_signature_is_right() {
    let app = TestApp::new().await;
    let mira = app.owner("mira").await;
    let chat = mira.chat().await;
    let token = mira.cookie.lock().unwrap().clone().unwrap();
    let with = async |token: String| {
        let tab = app.browser();
        *tab.cookie.lock().unwrap() = Some(token);
        statuses(&tab, &chat).await
    };
    let unchanged = signed_anew(&token, &app.session_key, None, |_| ());
    assert_eq!(with(unchanged).await, OPEN, "signed anew without a change, it counts");
    for (claim, value) in [("aud", "ally-assistant"), ("iss", "somebody"), ("typ", "ally-invitation")] {
        let changed = signed_anew(&token, &app.session_key, None, |claims| claims[claim] = value.into());
        assert_eq!(with(changed).await, REFUSED, "{claim}");
    }
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let mut header: Value = serde_json::from_slice(&header).unwrap();
    header["alg"] = "RS256".into();
    let confused = signed_anew(&token, &app.session_key, Some(header), |_| ());
    assert_eq!(with(confused).await, REFUSED, "another algorithm");
}

#[tokio::test]
async fn an_expired_session_opens_nothing() {
    let app = TestApp::new().await;
    let mira = app.owner("mira").await;
    let chat = mira.chat().await;
    app.clock.advance_millis(7 * 86_400_000);
    assert_eq!(statuses(&mira, &chat).await, REFUSED);
}

#[tokio::test]
async fn a_cookie_that_was_copied_before_signing_out_opens_nothing_after_it() {
    let app = TestApp::new().await;
    let mira = app.owner("mira").await;
    let chat = mira.chat().await;
    let copied = mira.second_tab();
    assert_eq!(statuses(&copied, &chat).await, OPEN);
    mira.post("/api/v1/auth/sign-out", json!({})).await.expect(204);
    assert_eq!(statuses(&copied, &chat).await, REFUSED);
}
