//! The installation: only its administrator opens and closes it.

use crate::world::{Setup, on_both};
use http::Method;
use serde_json::json;

#[tokio::test]
async fn the_administrator_opens_sign_up_and_nobody_else_can() {
    on_both(Setup::laptop(), async |world| {
        let mira = world.person("mira@example.com").await;
        let set = |mode: &str| world.call(Method::PATCH, "/api/v1/installation").json(&json!({"sign_up": mode}));
        let mode = async || world.send(world.get("/api/v1/auth/options")).await.json()["sign_up"].clone();
        assert_eq!(world.send(set("open").by(&mira)).await.json(), json!({"sign_up": "open"}));
        assert_eq!(mode().await, "open");
        let ana = world.person("ana@example.com").await;
        for call in [
            set("closed"),
            world.get("/api/v1/installation"),
            world.get("/api/v1/invitations"),
            world.post("/api/v1/invitations", json!({})),
            world.call(Method::DELETE, "/api/v1/invitations/inv_00000000000000000000000000"),
        ] {
            assert_eq!(world.send(call.by(&ana)).await.problem(), (403, "not_administrator".to_owned()));
        }
        assert_eq!(world.send(set("invite").by(&mira)).await.status, 200);
        assert_eq!(mode().await, "invite");
        assert_eq!(world.sign_up("bo@example.com").await.problem(), (403, "invitation_needed".to_owned()));
        assert_eq!(world.send(set("everybody").by(&mira)).await.problem(), (422, "wrong_shape".to_owned()));
        let later = world.restarted(4).await;
        let options = later.send(later.get("/api/v1/auth/options")).await.json();
        assert_eq!(options["sign_up"], "invite", "the choice outlives a restart");
    })
    .await;
}
