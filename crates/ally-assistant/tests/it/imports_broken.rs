//! Files that are no export, or a broken one, or one that was made to do harm.

use crate::exports::{Packed, claude, count, part, settled, start, upload, waiting_files, zip};
use crate::full::in_one_life;
use crate::world::{Life, World};
use serde_json::{Value, json};

/// Sends a file; answers why it was refused.
async fn refusal(mira: &Life, file: &[u8]) -> String {
    let import = upload(mira, file).await;
    let seen = settled(mira, &import).await;
    assert_eq!(seen["state"], "failed", "{seen}");
    assert!(seen["problem"]["next_step"].is_string(), "{seen}");
    assert_eq!((waiting_files(mira), count(mira, "import_chats")), (0, 0), "a file that is of no use is not kept");
    assert_eq!(start(mira, &import, &[]).await.body["type"], "import_not_ready");
    seen["problem"]["type"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn files_that_are_no_export_are_refused_with_a_reason_and_nothing_is_changed() {
    let mira = Life::new().await;
    let list = json!([claude("u1", "cat")]).to_string();
    let list = list.as_bytes();
    let whole = zip(&[("conversations.json", list, Packed::Deflated)]);
    let locked = zip(&[("conversations.json", list, Packed::Locked)]);
    let other = zip(&[("holiday.jpg", b"x", Packed::Stored), ("shared_conversations.json", b"[]", Packed::Stored)]);
    let cut_inside = zip(&[("conversations.json", &list[..list.len() - 9], Packed::Deflated)]);
    let mut damaged = whole.clone();
    damaged[60..80].fill(0xFF);
    let mut lying = whole.clone();
    let at = lying.len() - 22 - 46 - "conversations.json".len() + 24;
    lying[at] ^= 1;
    for (file, kind) in [
        (&b"%PDF-1.7"[..], "import_wrong_kind"),
        (b"{\"a\":1}", "import_wrong_kind"),
        (b"[{\"a\":1}]", "import_wrong_shape"),
        (b"[]", "import_empty"),
        (b"[1]", "import_json_broken"),
        (&list[..list.len() - 20], "import_json_broken"),
        (&cut_inside, "import_json_broken"),
        (&whole[..whole.len() - 30], "import_zip_broken"),
        (&whole[..40], "import_zip_broken"),
        (&damaged, "import_zip_broken"),
        (&lying, "import_zip_broken"),
        (&zip(&[]), "import_no_conversations"),
        (&other, "import_no_conversations"),
        (&locked, "import_password"),
    ] {
        assert_eq!(refusal(&mira, file).await, kind);
    }
    assert_eq!(count(&mira, "chats"), 0);
}

#[tokio::test]
async fn a_zip_that_would_fill_the_disk_is_refused_while_it_is_read() {
    let mira = Life::new().await;
    let mut list = b"[{\"x\":\"".to_vec();
    list.resize(48 << 20, b'a');
    list.extend(b"\"}]");
    let file = zip(&[("conversations.json", &list, Packed::Deflated)]);
    assert!(file.len() < 100_000, "{} bytes become 48 MB", file.len());
    assert_eq!(refusal(&mira, &file).await, "import_too_large");
}

#[tokio::test]
async fn names_in_a_zip_lead_nowhere_and_only_conversations_are_read() {
    let mira = Life::new().await;
    let (one, two) = (json!([claude("u1", "cat")]).to_string(), json!([claude("u2", "dog")]).to_string());
    let file = zip(&[
        ("../../../evil.json", b"[]", Packed::Stored),
        ("../../../conversations-001.json", two.as_bytes(), Packed::Stored),
        ("/etc/x/conversations-000.json", one.as_bytes(), Packed::Deflated),
        ("__MACOSX/._conversations.json", b"\0\0", Packed::Stored),
    ]);
    let import = upload(&mira, &file).await;
    let seen = settled(&mira, &import).await;
    assert_eq!((&seen["state"], &seen["preview"]["chats"]), (&json!("ready"), &json!(2)), "{seen}");
    let files: Vec<_> = std::fs::read_dir(mira.world.data_dir().join("imports")).unwrap().flatten().collect();
    assert_eq!(files.len(), 1, "nothing is unpacked");
    assert_eq!(files[0].file_name().to_str(), Some(import.as_str()));
}

#[tokio::test]
async fn sizes_that_cannot_be_are_refused_before_anything_is_sent() {
    let mira = Life::new().await;
    for (size, status, kind) in [(0_u64, 422, "import_empty"), ((2 << 30) + 1, 413, "import_too_large")] {
        let refused = mira.call("POST", "imports", json!({ "size": size })).await;
        assert_eq!((refused.status.as_u16(), &refused.body["type"]), (status, &json!(kind)));
    }
    let begun = mira.call("POST", "imports", json!({ "size": 4 << 20 })).await.body;
    let piece = vec![b' '; (1 << 20) + 1];
    assert_eq!(part(&mira, begun["id"].as_str().unwrap(), 0, &piece).await.status, 413);
    assert_eq!(part(&mira, "imp_01KAK37FA0KNNTJ7C33X76FJRY", 0, b"x").await.status, 404);
}

#[test]
fn in_a_full_space_nothing_is_imported_and_what_had_begun_waits_for_room() {
    let world = World::new();
    let import = in_one_life(async {
        let mira = world.live().await;
        let import = upload(&mira, json!([claude("u1", "cat")]).to_string().as_bytes()).await;
        settled(&mira, &import).await;
        // Left in the middle: the process ends before the run has done anything.
        assert_eq!(start(&mira, &import, &[]).await.status, 202);
        import
    });
    in_one_life(async {
        let mut parts = world.parts(world.clock.clone());
        parts.is_space_full = true;
        let (router, assistant) = ally_assistant::open(parts).await.unwrap();
        let mira = Life { world: world.clone(), router, assistant };
        let seen = settled(&mira, &import).await;
        assert_eq!((&seen["state"], &seen["problem"]["type"]), (&json!("ready"), &json!("space_full")), "{seen}");
        for (method, path) in [("POST", "imports".to_owned()), ("POST", format!("imports/{import}/start"))] {
            assert_eq!(mira.call(method, &path, json!({ "size": 5 })).await.status, 507, "{path}");
        }
        assert_eq!(part(&mira, &import, 0, b"x").await.status, 507);
        assert_eq!(
            mira.call("DELETE", &format!("imports/{import}"), Value::Null).await.status,
            204,
            "room can be made"
        );
    });
}

#[tokio::test]
async fn a_conversation_that_is_far_too_large_is_passed_over() {
    let mira = Life::new().await;
    let mut large = claude("u1", "cat");
    large["padding"] = json!("ab".repeat(17 << 20));
    let import = upload_large(&mira, json!([large, claude("u2", "dog")]).to_string().as_bytes()).await;
    let seen = settled(&mira, &import).await["preview"].clone();
    assert_eq!((&seen["chats"], &seen["unreadable"]), (&json!(1), &json!(1)));
}

async fn upload_large(mira: &Life, file: &[u8]) -> String {
    let begun = mira.call("POST", "imports", json!({ "size": file.len() })).await;
    let import = begun.body["id"].as_str().unwrap().to_owned();
    for (number, piece) in file.chunks(1 << 20).enumerate() {
        assert_eq!(part(mira, &import, number << 20, piece).await.status, 200);
    }
    import
}
