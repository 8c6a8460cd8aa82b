//! The public pages: plain HTML, no script, and the truth of the register.

use crate::world::{Setup, on_both};
use ally_platform::REGISTER;
use ally_types::register::Place;
use http::Method;

const PAGES: [&str; 6] = ["/", "/docs", "/legal/privacy", "/legal/cookies", "/legal/terms", "/changelog"];

#[tokio::test]
async fn every_page_is_plain_html_that_loads_nothing_but_its_style() {
    on_both(Setup::public(), async |world| {
        for path in PAGES {
            let reply = world.send(world.get(path)).await;
            assert_eq!(
                (reply.status.as_u16(), reply.header("content-type")),
                (200, "text/html; charset=utf-8"),
                "{path}"
            );
            let policy = reply.header("content-security-policy");
            assert!(
                policy.starts_with("default-src 'none'; style-src 'self'") && !policy.contains("unsafe"),
                "{policy}"
            );
            assert_eq!(reply.header("x-content-type-options"), "nosniff");
            assert!(reply.cookie().is_none());
            for word in ["<script", "style=", " on", "http://", "https://"] {
                let is_there = match word {
                    " on" => reply.text.contains(" onclick") || reply.text.contains(" onload"),
                    word => reply.text.contains(word),
                };
                assert!(!is_there, "{path} has {word}");
            }
            assert_eq!(reply.text.matches("<h1").count(), 1, "{path} has one title");
            assert!(reply.text.contains("lang=\"en\"") && reply.text.contains("width=device-width"));
            let again = world.send(world.get(path).header("if-none-match", reply.header("etag"))).await;
            assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
        }
        let style = world.send(world.get("/public.css")).await;
        assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
        assert!(!style.text.contains("url(") && !style.text.contains("@import"));
        let first = world.send(world.get("/")).await.text;
        assert!(first.contains("href=\"/app/sign-up\"") && first.contains("href=\"/app/sign-in\""));
    })
    .await;
}

#[tokio::test]
async fn every_link_of_every_page_leads_somewhere() {
    on_both(Setup::public(), async |world| {
        for path in PAGES {
            let text = world.send(world.get(path)).await.text;
            for link in text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                // The app and the icon are answered by the gateway.
                if link.starts_with('/') && !link.starts_with("/app") && link != "/favicon.svg" {
                    assert_eq!(world.send(world.get(link)).await.status, 200, "{path} links to {link}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_privacy_and_cookie_pages_show_every_entry_of_the_register() {
    on_both(Setup::public(), async |world| {
        let privacy = world.send(world.get("/legal/privacy")).await.text;
        let cookies = world.send(world.get("/legal/cookies")).await.text;
        for entry in REGISTER {
            let (page, name) = match entry.place {
                Place::Columns { table, .. } => (&privacy, format!("platform/{table}</code>")),
                Place::File { pattern } => (&privacy, format!("{pattern}</code>")),
                Place::Cookie { name } => (&cookies, format!("{name}</code>")),
                Place::StorageKey { key } => (&cookies, format!("{key}</code>")),
                Place::Host { host } => (&privacy, format!("{host}</code>")),
            };
            assert!(page.contains(&name), "{name}");
        }
        let version = |page: &str| page.split("Version <code>").nth(1).expect("a version")[..12].to_owned();
        world.person("mira@example.com").await;
        let accepted = world.text("SELECT version FROM acceptance WHERE document = 'privacy'").await;
        assert_eq!(accepted, [version(&privacy)], "what is kept is what was shown");
    })
    .await;
}

#[tokio::test]
async fn an_address_that_leads_nowhere_says_so_to_people_and_programs() {
    on_both(Setup::public(), async |world| {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let page = world.send(world.call(method.clone(), "/nowhere").header("accept", "text/html,*/*")).await;
            assert_eq!(
                (page.status.as_u16(), page.header("content-type")),
                (404, "text/html; charset=utf-8"),
                "{method}"
            );
            assert!(page.header("content-security-policy").starts_with("default-src 'none'"), "{method}");
            if method == Method::HEAD {
                continue;
            }
            assert!(page.text.contains("<h1>There is nothing at this address</h1>"), "{}", page.text);
            assert!(page.text.contains("href=\"/legal/privacy\"") && !page.text.contains("<script"), "{}", page.text);
        }
        assert_eq!(world.send(world.get("/nowhere")).await.problem(), (404, "route_not_found".to_owned()));
        let interface = world.send(world.get("/api/v1/nowhere").header("accept", "text/html,*/*")).await;
        assert_eq!(interface.problem(), (404, "route_not_found".to_owned()));
    })
    .await;
}
