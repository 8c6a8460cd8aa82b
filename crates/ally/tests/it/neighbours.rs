//! Two people on one installation: nothing of one opens to the other. Every route is tried, by enumeration.

use crate::browser::Browser;
use crate::installation::Installation;
use http::{Method, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

/// Routes that answer without a session, on purpose.
const OPEN: &[&str] = &[
    "GET /api/v1/auth/options",
    "POST /api/v1/auth/sign-up",
    "POST /api/v1/auth/sign-in",
    "POST /api/v1/auth/sign-out",
    "POST /api/v1/auth/invitations/check",
    "GET /healthz",
    "GET /readyz",
];

/// Routes for the administrator only; anybody else learns that, whatever stands in the path.
const ADMINISTRATOR: &[&str] = &[
    "GET /api/v1/installation",
    "PATCH /api/v1/installation",
    "GET /api/v1/installation/people",
    "PATCH /api/v1/installation/people/{id}",
    "GET /api/v1/invitations",
    "POST /api/v1/invitations",
    "DELETE /api/v1/invitations/{id}",
    "PUT /api/v1/provider/installation",
    "DELETE /api/v1/provider/installation",
    "PUT /api/v1/provider/local",
    "DELETE /api/v1/provider/local",
];

/// A body that fits the route, so that nothing but the id can be a reason to refuse.
fn body(route: &str) -> Option<Value> {
    Some(match route.rsplit_once('/').unwrap() {
        (before, _) if before.starts_with("GET ") || before.starts_with("DELETE ") => return None,
        (_, "feedback") => json!({ "rating": "up" }),
        ("POST /api/v1/approvals", _) => json!({ "decision": "approve" }),
        (_, "path") => json!({ "message": "msg_01KAK37FA0KNNTJ7C33X76FJRY" }),
        (_, "messages" | "edit") => json!({ "text": "x" }),
        (before, "restore") if before.contains("/memory/") => json!({ "version": null }),
        (_, "search") => json!({ "q": "x" }),
        (_, "local") => json!({ "url": "http://127.0.0.1:9" }),
        ("PUT /api/v1/provider", "installation") => json!({ "key": "sk-ant-x" }),
        ("PATCH /api/v1/installation/people", _) => json!({ "plan": null }),
        (_, "dismiss") => json!({ "span": "day", "percent": 50 }),
        ("PATCH /api/v1", "installation") => json!({ "sign_up": "open" }),
        ("POST /api/v1", "folders") => json!({ "name": "x" }),
        (_, "instructions") => json!({ "rules": "x" }),
        (before, _) if before.starts_with("PATCH ") => json!({ "title": "x" }),
        _ => json!({}),
    })
}

#[test]
fn the_lists_of_exceptions_name_only_routes_that_exist() {
    let known: Vec<String> = routes().iter().map(|(method, template)| format!("{method} {template}")).collect();
    let dead: Vec<_> =
        OPEN.iter().chain(ADMINISTRATOR).filter(|route| !known.iter().any(|known| known == *route)).collect();
    assert_eq!(dead, Vec::<&&str>::new());
}

/// Words that name something that only one person may know. An address is kept where nobody looks after it: in the
/// history of a browser, in the log of a proxy, in the `Referer` of the next page.
const SECRETS: &[&str] =
    &["token", "code", "key", "password", "passphrase", "invitation", "secret", "credential", "signature"];

#[test]
fn no_route_takes_a_secret_in_its_address() {
    let description: Value = serde_json::from_str(&ally::openapi::json()).unwrap();
    let mut named = 0;
    for (path, operations) in description["paths"].as_object().unwrap() {
        let in_the_path = path.split(['{', '}']).skip(1).step_by(2).map(|name| name.trim_start_matches('*').to_owned());
        let mut names: Vec<String> = in_the_path.collect();
        for operation in operations.as_object().unwrap().values() {
            let common = operations["parameters"].as_array().into_iter().flatten();
            let parameters = common.chain(operation["parameters"].as_array().into_iter().flatten());
            let in_the_query = parameters.filter(|parameter| parameter["in"] == "query");
            names.extend(in_the_query.map(|parameter| parameter["name"].as_str().unwrap().to_owned()));
        }
        for name in &names {
            let words: Vec<_> = name.split(|letter: char| !letter.is_alphanumeric()).map(str::to_lowercase).collect();
            let is_secret = words.iter().any(|word| SECRETS.iter().any(|secret| word.starts_with(secret)));
            assert!(!is_secret, "{path} takes \"{name}\" in its address; take it in the body");
        }
        named += names.len();
    }
    assert!(named > 20, "the enumeration finds {named} parameters only");
}

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
    import: String,
    file: String,
    session: String,
    attachment: String,
}

impl Hers {
    async fn of(mira: &Browser) -> Self {
        let chat = mira.chat().await;
        let answer = mira.ask(&chat, "remember that the CANARYHERS account is at the corner bank").await;
        let messages = mira.get(&format!("/api/v1/chats/{chat}/messages")).await.expect(200).json();
        let import = mira.post("/api/v1/imports", json!({ "size": 9 })).await.expect(201).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let files = mira.get("/api/v1/memory/files").await.expect(200).json();
        let sessions = mira.get("/api/v1/account/sessions").await.expect(200).json();
        let attachment = mira.attach("a.txt", "CANARYHERS stands in a file").await;
        Self {
            attachment: text(&attachment["id"]),
            question: text(&messages["items"][0]["id"]),
            answer: text(&answer["id"]),
            run: text(&answer["run"]),
            import: text(&import["id"]),
            file: text(&files["items"][0]["path"]),
            session: text(&sessions["items"][0]["id"]),
            chat,
        }
    }

    fn path(&self, template: &str, noun: &str) -> String {
        let id = match noun {
            "chats" => &self.chat,
            "runs" => &self.run,
            "imports" => &self.import,
            "messages" => &self.question,
            "attachments" => &self.attachment,
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
async fn attempt(browser: &Browser, method: &Method, template: &str, path: &str) -> (u16, String) {
    let request = browser.request(method.clone(), path, body(&format!("{method} {template}")));
    let (head, body) = browser.open(request).await.into_parts();
    if head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream") {
        return (head.status.as_u16(), String::new());
    }
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), String::from_utf8_lossy(&body).into_owned())
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
            let (status, body) = attempt(&stranger, &method, &template, &path).await;
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
    let (mut tried, mut streams) = (0, 0);
    for (method, template) in routes() {
        let route = format!("{method} {template}");
        let path = hers.path(&template, noun(&template));
        let is_for_administrators = ADMINISTRATOR.contains(&route.as_str());
        if OPEN.contains(&route.as_str()) || !(template.contains('{') || is_for_administrators) {
            continue;
        }
        let (status, body) = attempt(&ben, &method, &template, &path).await;
        // That something of hers exists, he does not learn either.
        let expected = if is_for_administrators { 403 } else { 404 };
        assert_eq!(status, expected, "{method} {path}: {body}");
        assert!(!body.contains("CANARYHERS"), "{method} {path}: {body}");
        // The same request of hers is not refused: it was the person that was wrong, not the request.
        // She has no approval request: the built-in commands never make one.
        if method == Method::GET && noun(&template) != "approvals" {
            let (status, body) = attempt(&mira, &method, &template, &path).await;
            assert_eq!(status, 200, "{method} {path}: {body}");
        }
        tried += 1;
        streams += usize::from(template.ends_with("/events"));
    }
    assert!(tried > 20 && streams > 0, "only {tried} routes were tried, {streams} of them streams");
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
    let signed_out = mira.post("/api/v1/auth/sign-out", json!({})).await.expect(204);
    assert_eq!(signed_out.headers["clear-site-data"], "\"cache\"");
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
