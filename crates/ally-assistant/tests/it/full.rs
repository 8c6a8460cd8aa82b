//! A space that is full: nothing is added, everything else goes on.

use crate::world::{Life, World};
use serde_json::{Value, json};

/// A process of its own, as far as a test can have one: what is left of it ends with its reactor.
pub fn in_one_life<T>(life: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(life)
}

#[test]
fn in_a_full_space_nothing_is_added_but_chats_are_read_stopped_and_deleted() {
    let world = World::new();
    let chat = in_one_life(async {
        let before = world.live().await;
        let chat = before.chat().await;
        before.ask(&chat, "Hello.").await;
        chat
    });
    in_one_life(async {
        let mut parts = world.parts(world.clock.clone());
        parts.is_space_full = true;
        let (router, assistant) = ally_assistant::open(parts).await.unwrap();
        let mira = Life { world: world.clone(), router, assistant };
        for (method, path, body) in [
            ("POST", "chats".to_owned(), json!({})),
            ("POST", "attachments".to_owned(), json!("a text file")),
            ("POST", format!("chats/{chat}/messages"), json!({"text": "More."})),
            ("POST", "memory/files/MEMORY.md/restore".to_owned(), json!({"version": 1})),
        ] {
            let refused = mira.call(method, &path, body).await;
            assert_eq!((refused.status.as_u16(), &refused.body["type"]), (507, &json!("space_full")), "{path}");
            assert!(refused.body["next_step"].as_str().unwrap().contains("Delete"), "{}", refused.body);
        }
        assert_eq!(mira.messages(&chat).await.len(), 2);
        assert_eq!(mira.call("PATCH", &format!("chats/{chat}"), json!({"title": "Old"})).await.status, 200);
        assert_ne!(mira.call("POST", "memory/search", json!({"query": "hello"})).await.status, 507);
        assert_eq!(mira.call("DELETE", &format!("chats/{chat}"), Value::Null).await.status.as_u16() / 100, 2);
    });
}
