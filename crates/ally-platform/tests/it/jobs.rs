//! Jobs: the server of a new account is made, also when the host is away at first.

use crate::world::{Setup, on_both};
use ally_platform::EnsureError;

#[tokio::test]
async fn signing_up_leaves_one_job_that_makes_the_server() {
    on_both(Setup::laptop(), async |world| {
        let mira = world.person("mira@example.com").await;
        assert!(world.servers.made.lock().expect("no panic").is_empty(), "the answer does not wait for the host");
        assert_eq!(world.platform.work_due().await.expect("worked"), 1);
        assert_eq!(world.platform.work_due().await.expect("worked"), 0);
        let made: Vec<String> = world.servers.made.lock().expect("no panic").iter().map(ToString::to_string).collect();
        assert_eq!(made, [mira.account["server"].as_str().expect("a server")]);
        assert_eq!(world.text("SELECT id FROM server WHERE ready IS NOT NULL").await, made);
    })
    .await;
}

#[tokio::test]
async fn a_host_that_is_away_is_asked_again_with_growing_pauses() {
    on_both(Setup::laptop(), async |world| {
        world.person("mira@example.com").await;
        *world.servers.refuse.lock().expect("no panic") = vec![EnsureError::Retry; 2];
        let done = async || world.platform.work_due().await.expect("worked");
        assert_eq!(done().await, 0);
        assert_eq!(done().await, 0, "not before its time");
        assert_eq!(world.servers.refuse.lock().expect("no panic").len(), 1);
        world.clock.advance_millis(1_000);
        assert_eq!(done().await, 0);
        world.clock.advance_millis(1_999);
        assert_eq!(done().await, 0);
        world.clock.advance_millis(1);
        assert_eq!(done().await, 1);
    })
    .await;
}

#[tokio::test]
async fn two_workers_make_a_server_once() {
    on_both(Setup::laptop(), async |world| {
        world.person("mira@example.com").await;
        let other = world.restarted(4).await;
        let (one, two) = tokio::join!(world.platform.work_due(), other.platform.work_due());
        assert_eq!(one.expect("worked") + two.expect("worked"), 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_over_is_forgotten_after_thirty_days() {
    on_both(Setup::laptop(), async |world| {
        let mira = world.person("mira@example.com").await;
        world.platform.work_due().await.expect("worked");
        let reply = world.send(world.post("/api/v1/auth/sign-out", serde_json::json!({})).by(&mira)).await;
        assert_eq!(reply.status, 204);
        let kept = world.text("SELECT address FROM security_event").await;
        assert_eq!(kept, ["198.51.100.0/24", "198.51.100.0/24"], "shortened from the start");
        world.clock.advance_millis(30 * 24 * 3_600_000);
        world.platform.retain().await.expect("retained");
        assert_eq!(world.text("SELECT id FROM session").await.len(), 1);
        world.clock.advance_millis(1);
        world.platform.retain().await.expect("retained");
        for sql in ["SELECT id FROM session", "SELECT id FROM security_event", "SELECT key FROM job"] {
            assert!(world.text(sql).await.is_empty(), "{sql}");
        }
        assert_eq!(world.text("SELECT id FROM account").await.len(), 1);
    })
    .await;
}
