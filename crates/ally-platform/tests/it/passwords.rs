//! Signing in: what it costs, what it says, and how passwords are kept.

use crate::world::{PASSWORD, Person, Reply, Setup, World, on_both};
use serde_json::json;
use sqlx::{AnyConnection, Connection as _};

#[tokio::test]
async fn known_and_unknown_addresses_are_answered_alike_after_exactly_one_hash() {
    on_both(Setup::laptop(), async |world| {
        world.person("mira@example.com").await;
        let long = "k".repeat(3_000);
        let mut answers = std::collections::BTreeSet::new();
        for email in ["mira@example.com", "nobody@example.com", "no address", "", "a\u{0}@example.com"] {
            for password in ["wrong password here", "", "x", "🦊🐢🦉🌵🍋🎻🚲🧭🪁🫐🧩🗻", "ab\u{0}cd", &long]
            {
                let before = world.platform.hashes();
                let call = world.post("/api/v1/auth/sign-in", json!({"email": email, "password": password}));
                let reply = world.send(call.from("loopback")).await;
                assert_eq!(world.platform.hashes() - before, 1, "{email:?} {password:?}");
                assert_eq!(reply.problem(), (401, "wrong_credentials".to_owned()));
                assert!(reply.cookie().is_none());
                answers.insert(reply.text);
            }
        }
        assert_eq!(answers.len(), 1, "every answer is the same to the byte");
        let before = world.platform.hashes();
        assert_eq!(world.sign_in("MIRA@example.com ", PASSWORD).await.status, 200);
        assert_eq!(world.platform.hashes() - before, 1);
    })
    .await;
}

#[tokio::test]
async fn an_account_without_a_password_is_like_one_that_does_not_exist() {
    on_both(Setup::laptop(), async |world| {
        world.person("mira@example.com").await;
        world.text("DELETE FROM password RETURNING account").await;
        let before = world.platform.hashes();
        let reply = world.sign_in("mira@example.com", PASSWORD).await;
        assert_eq!(reply.problem(), (401, "wrong_credentials".to_owned()));
        assert_eq!(world.platform.hashes() - before, 1);
    })
    .await;
}

#[tokio::test]
async fn passwords_of_any_letters_work_and_no_byte_of_them_is_ignored() {
    for (password, nearly) in [
        ("🦊🐢🦉🌵🍋🎻🚲🧭🪁🫐🧩🗻🎲🎈🧶🪶🐙🦔🌋🥨".to_owned(), "🦊🐢🦉🌵🍋🎻🚲🧭🪁🫐🧩🗻🎲🎈🧶🪶🐙🦔🌋🥐".to_owned()),
        ("kestrel\u{0}umbra fjord".to_owned(), "kestrel\u{0}umbra other".to_owned()),
        (
            format!("{}yes", "kestrel umbra fjord ".repeat(3) + "0123456789ab"),
            format!("{}no!", "kestrel umbra fjord ".repeat(3) + "0123456789ab"),
        ),
        ("mañana será otro día".to_owned(), "manana sera otro dia".to_owned()),
    ] {
        on_both(Setup::laptop(), async |world| {
            let body = json!({"email": "mira@example.com", "password": password, "adult": true});
            let reply = world.send(world.post("/api/v1/auth/sign-up", body)).await;
            assert_eq!(reply.status, 201, "{}", reply.text);
            assert_eq!(world.sign_in("mira@example.com", &password).await.status, 200);
            assert_eq!(world.sign_in("mira@example.com", &nearly).await.status, 401);
        })
        .await;
    }
}

#[tokio::test]
async fn a_password_is_kept_as_a_bcrypt_hash_and_nowhere_as_itself() {
    on_both(Setup::laptop(), async |world| {
        world.person("mira@example.com").await;
        let kept = world.text("SELECT hash FROM password WHERE scheme = 'bcrypt-hmac384-v1'").await;
        assert_eq!(kept.len(), 1);
        assert!(kept[0].starts_with("$2b$04$") && kept[0].len() == 60, "{kept:?}");
        if let Some(file) = world.url.strip_prefix("sqlite:") {
            for suffix in ["", "-wal"] {
                let bytes = std::fs::read(format!("{file}{suffix}")).unwrap_or_default();
                assert!(!bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn when_the_cost_changes_the_next_sign_in_hashes_anew() {
    on_both(Setup::laptop(), async |world| {
        world.person("mira@example.com").await;
        let later = world.restarted(5).await;
        assert_eq!(later.sign_in("mira@example.com", PASSWORD).await.status, 200);
        assert_eq!(later.platform.hashes(), 2, "one to check, one to keep");
        assert!(later.text("SELECT hash FROM password").await[0].starts_with("$2b$05$"));
        assert_eq!(later.sign_in("mira@example.com", PASSWORD).await.status, 200);
        assert_eq!(later.platform.hashes(), 3);
    })
    .await;
}

#[tokio::test]
async fn changing_the_password_ends_every_session_and_gives_this_browser_a_new_one() {
    on_both(Setup::laptop(), async |world| {
        let mira = world.person("mira@example.com").await;
        let phone = Person::of(&world.sign_in("mira@example.com", PASSWORD).await);
        let change = async |current: &str, new: &str, by: &Person| {
            let body = json!({"current": current, "new": new});
            world.send(world.post("/api/v1/account/password", body).by(by).from("loopback")).await
        };
        let refused = change("not it", "another good phrase", &mira).await;
        assert_eq!(refused.problem(), (403, "wrong_password".to_owned()));
        assert_eq!(change(PASSWORD, "mira@example.com1", &mira).await.problem().1, "password_common");
        let changed = change(PASSWORD, "another good phrase", &mira).await;
        assert_eq!(changed.status, 204, "{}", changed.text);
        let cookie = changed.cookie().expect("a new session");
        for old in [&mira, &phone] {
            assert_eq!(world.send(world.get("/api/v1/account").by(old)).await.status, 401);
        }
        let renewed = Person { cookie, account: mira.account };
        assert_eq!(world.send(world.get("/api/v1/account").by(&renewed)).await.status, 200);
        assert_eq!(world.sign_in("mira@example.com", PASSWORD).await.status, 401);
        assert_eq!(world.sign_in("mira@example.com", "another good phrase").await.status, 200);
    })
    .await;
}

/// What `account/password` leaves behind, by another hand: the password is another one and every session is over.
const CHANGED: &str = "UPDATE password SET hash = '$2b$04$abcdefghijklmnopqrstuuJq3kbBQOhUtDRDqZyl1NfKe7TmyL0q2'; \
                       UPDATE session SET revoked = 1763700000001;";

async fn commit(mut connection: AnyConnection) {
    sqlx::raw_sql("COMMIT").execute(&mut connection).await.expect("committed");
    connection.close().await.expect("closed");
}

/// Lets a request come as far as the hash of its password, changes the password, and lets it go on.
async fn overtaken(world: &World, request: impl Future<Output = Reply>) -> Reply {
    let held = world.platform.hold_hashes().await;
    let change = async {
        while world.platform.waiting_for_a_hash() == 0 {
            tokio::task::yield_now().await;
        }
        commit(world.writing(CHANGED).await).await;
        drop(held);
    };
    tokio::join!(request, change).0
}

async fn living_sessions(world: &World) -> usize {
    world.text("SELECT id FROM session WHERE revoked IS NULL").await.len()
}

#[tokio::test]
async fn a_password_that_was_changed_while_it_was_checked_signs_nobody_in() {
    on_both(Setup::laptop(), async |world| {
        world.person("mira@example.com").await;
        let reply = overtaken(world, world.sign_in("mira@example.com", PASSWORD)).await;
        assert_eq!(reply.problem(), (401, "wrong_credentials".to_owned()));
        assert_eq!((reply.cookie(), living_sessions(world).await), (None, 0));
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_waits_for_a_change_of_the_password_that_is_being_written() {
    on_both(Setup::laptop(), async |world| {
        world.person("mira@example.com").await;
        let change = world.writing(CHANGED).await;
        let before = world.platform.hashes();
        let committed = async {
            while world.platform.hashes() == before {
                tokio::task::yield_now().await;
            }
            commit(change).await;
        };
        let (reply, ()) = tokio::join!(world.sign_in("mira@example.com", PASSWORD), committed);
        assert_eq!(reply.problem(), (401, "wrong_credentials".to_owned()));
        assert_eq!((reply.cookie(), living_sessions(world).await), (None, 0));
    })
    .await;
}

#[tokio::test]
async fn whoever_knew_the_old_password_cannot_take_the_account_back_while_it_is_changed() {
    on_both(Setup::laptop(), async |world| {
        let thief = world.person("mira@example.com").await;
        let body = json!({"current": PASSWORD, "new": "a phrase of the thief"});
        let request = world.send(world.post("/api/v1/account/password", body).by(&thief).from("loopback"));
        let reply = overtaken(world, request).await;
        assert_eq!(reply.problem(), (403, "wrong_password".to_owned()));
        assert_eq!((reply.cookie(), living_sessions(world).await), (None, 0));
        assert_eq!(world.sign_in("mira@example.com", "a phrase of the thief").await.status, 401);
    })
    .await;
}
