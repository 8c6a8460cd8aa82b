//! Two people on one installation: nothing of one opens to the other. Every route is tried, by enumeration.

use crate::browser::Browser;
use crate::installation::Installation;
use http::{Method, header};
use serde_json::{Value, json};

/// Routes that answer without a session, on purpose.
const OPEN: &[&str] = &[
    "GET /api/v1/auth/options",
    "POST /api/v1/auth/sign-up",
    "POST /api/v1/auth/sign-in",
    "POST /api/v1/auth/sign-out",
    "GET /api/v1/auth/invitations/{token}",
    "GET /healthz",
    "GET /readyz",
    "GET /api/openapi.json",
];

/// Every route of the product: method, template.
fn routes() -> Vec<(Method, String)> {
    let description: Value = serde_json::from_str(&ally::openapi::json()).unwrap();
    let mut routes = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            routes.push((method.to_uppercase().parse().unwrap(), path.clone()));
        }
    }
    assert!(routes.len() > 25, "the enumeration finds {} routes only", routes.len());
    routes
}

/// What Mira has, to be put into the templates.
struct Hers {
    chat: String,
    question: String,
    answer: String,
    run: String,
    file: String,
    session: String,
}

impl Hers {
    async fn of(mira: &Browser) -> Self {
        let chat = mira.chat().await;
        let answer = mira.ask(&chat, "remember that the CANARYHERS account is at the corner bank").await;
        let messages = mira.get(&format!("/api/v1/chats/{chat}/messages")).await.expect(200).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let files = mira.get("/api/v1/memory/files").await.expect(200).json();
        let sessions = mira.get("/api/v1/account/sessions").await.expect(200).json();
        Self {
            question: text(&messages["items"][0]["id"]),
            answer: text(&answer["id"]),
            run: text(&answer["run"]),
            file: text(&files["items"][0]["path"]),
            session: text(&sessions["items"][0]["id"]),
            chat,
        }
    }

    fn path(&self, template: &str, noun: &str) -> String {
        let id = match noun {
            "chats" => &self.chat,
            "runs" => &self.run,
            "messages" => &self.question,
            "account" => &self.session,
            _ => &self.answer,
        };
        let mut path = template.replace("{path}", &self.file).replace("{*path}", &self.file);
        while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
            path.replace_range(from..=to, id);
        }
        path
    }
}

fn noun(template: &str) -> &str {
    template.trim_start_matches("/api/v1/").split('/').next().unwrap()
}

/// Tries a route; an event stream that opens is reported with its status and no body.
async fn attempt(browser: &Browser, method: &Method, path: &str) -> (u16, String) {
    let body = (!method.is_safe() && *method != Method::DELETE).then(|| json!({}));
    let request = browser.request(method.clone(), path, body);
    let response = browser.open(request).await;
    let is_stream = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    if is_stream {
        return (response.status().as_u16(), String::new());
    }
    let request =
        browser.request(method.clone(), path, (!method.is_safe() && *method != Method::DELETE).then(|| json!({})));
    let reply = browser.send_raw(request).await;
    (reply.status, reply.text())
}

#[tokio::test]
async fn signed_out_nothing_answers_but_what_must() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let hers = Hers::of(&mira).await;
    let stranger = installation.browser();
    for (method, template) in routes() {
        if OPEN.contains(&format!("{method} {template}").as_str()) {
            continue;
        }
        let path = hers.path(&template, noun(&template));
        for cookie in [None, Some("forged.forged.forged")] {
            *stranger.cookie.lock().unwrap() = cookie.map(str::to_owned);
            let (status, body) = attempt(&stranger, &method, &path).await;
            assert_eq!(status, 401, "{method} {template} with {cookie:?}: {body}");
        }
    }
}

#[tokio::test]
async fn one_persons_session_opens_nothing_of_another_person() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let hers = Hers::of(&mira).await;
    let ben = installation.guest(&mira, "ben@example.org").await;
    let mut tried = 0;
    for (method, template) in routes() {
        let is_collection = !template.contains('{');
        if is_collection || OPEN.contains(&format!("{method} {template}").as_str()) {
            continue;
        }
        let path = hers.path(&template, noun(&template));
        let (status, body) = attempt(&ben, &method, &path).await;
        assert!(matches!(status, 401 | 403 | 404 | 422), "{method} {path}: {status} {body}");
        assert!(!body.contains("CANARYHERS"), "{method} {path}: {body}");
        tried += 1;
    }
    assert!(tried > 12, "only {tried} routes with ids were tried");
    for path in ["/api/v1/chats", "/api/v1/memory/files", "/api/v1/account/sessions", "/api/v1/usage?by=day"] {
        let reply = ben.get(path).await.expect(200);
        assert!(!reply.text().contains(&hers.chat) && !reply.text().contains("CANARYHERS"), "{path}");
    }
    // She still has everything.
    let messages = mira.get(&format!("/api/v1/chats/{}/messages", hers.chat)).await.expect(200);
    assert!(messages.text().contains("CANARYHERS"));
}

#[tokio::test]
async fn signing_out_ends_the_session_and_its_streams_at_once() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    let stolen = mira.second_tab();
    stolen.get("/api/v1/chats").await.expect(200);
    let mut stream = stolen.events(&format!("/api/v1/chats/{chat}/events"), None).await;
    mira.post("/api/v1/auth/sign-out", json!({})).await.expect(204);
    while stream.next().await.is_some() {}
    stolen.get("/api/v1/chats").await.expect(401);
    stolen.get("/api/v1/account").await.expect(401);
}

#[tokio::test]
async fn another_site_cannot_make_a_browser_do_anything() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let mut request = mira.request(Method::POST, "/api/v1/chats", Some(json!({})));
    request.headers_mut().insert(header::ORIGIN, "https://evil.example".parse().unwrap());
    mira.send_raw(request).await.expect(403);
    let chat = mira.chat().await;
    let mut request = mira.request(Method::GET, &format!("/api/v1/chats/{chat}/events"), None);
    request.headers_mut().insert(header::ORIGIN, "https://evil.example".parse().unwrap());
    mira.send_raw(request).await.expect(403);
    let mut request = mira.request(Method::POST, "/api/v1/chats", Some(json!({})));
    request.headers_mut().remove(header::ORIGIN);
    mira.send_raw(request).await.expect(403);
}
