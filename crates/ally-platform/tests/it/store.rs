//! The database itself: migrations, and what a newer or edited one is answered.

use crate::world::{Setup, on_both};

#[tokio::test]
async fn starting_again_changes_nothing_and_an_edited_migration_is_refused() {
    on_both(Setup::laptop(), async |world| {
        let before = world.text("SELECT checksum FROM migration ORDER BY version").await;
        assert_eq!(before.len(), 2);
        world.restarted(4).await;
        assert_eq!(world.text("SELECT checksum FROM migration ORDER BY version").await, before);
        world.text("UPDATE migration SET checksum = 'edited' RETURNING checksum").await;
        assert!(ally_platform::columns(&world.url).await.is_err_and(|error| error.to_string().contains("edited")));
    })
    .await;
}

#[tokio::test]
async fn sqlite_syncs_every_commit_and_overwrites_what_is_deleted() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("platform.db");
    ally_platform::columns(&format!("sqlite:{}", file.display())).await.expect("made");
    let header = std::fs::read(&file).expect("the database");
    // Bytes 18 and 19 of the header are 2 in write-ahead mode.
    assert_eq!(&header[18..20], [2, 2]);
    let left: Vec<_> = std::fs::read_dir(directory.path()).expect("a directory").flatten().collect();
    assert_eq!(left.len(), 1, "closing folds the log into the file");
}

#[tokio::test]
async fn the_doctor_learns_how_postgresql_receives_her() {
    use ally_platform::{Visit, visit};
    let Some(url) = crate::postgres::fresh_database().await else { return };
    assert!(matches!(visit(&url).await, Visit::Welcome(version) if version >= 15));
    let (start, place) = url.split_once('?').unwrap();
    let (server, _) = start.rsplit_once('/').unwrap();
    assert_eq!(visit(&format!("{server}/nowhere?{place}")).await, Visit::NoDatabase);
    let stranger = server.replace("postgres@", "stranger@");
    assert_eq!(visit(&format!("{stranger}/postgres?{place}")).await, Visit::Refused);
    assert_eq!(visit("postgres://postgres@127.0.0.1:1/postgres").await, Visit::NotThere);
}
