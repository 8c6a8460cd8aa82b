//! The privacy register against the database: every column stands in it, and nothing that is not there.

use crate::world::{Setup, on_both};
use ally_http::Cookie;
use ally_platform::REGISTER;
use ally_types::register::Place;
use std::collections::BTreeSet;

#[tokio::test]
async fn every_column_is_in_the_register_exactly_once() {
    on_both(Setup::laptop(), async |world| {
        let mut declared = Vec::new();
        for entry in REGISTER {
            if let Place::Columns { store, table, columns } = entry.place {
                assert_eq!(store, "platform");
                declared.extend(columns.iter().map(|column| (table.to_owned(), (*column).to_owned())));
            }
        }
        let unique: BTreeSet<_> = declared.iter().cloned().collect();
        assert_eq!(unique.len(), declared.len(), "a column stands in two entries");
        let real: BTreeSet<_> = ally_platform::columns(&world.url).await.expect("columns").into_iter().collect();
        assert_eq!(unique, real);
    })
    .await;
}

#[test]
fn every_cookie_is_in_the_register() {
    let declared: Vec<_> = REGISTER
        .iter()
        .filter_map(|entry| if let Place::Cookie { name } = entry.place { Some(name) } else { None })
        .collect();
    let real: Vec<_> = Cookie::ALL.iter().map(|cookie| cookie.base_name()).collect();
    assert_eq!(declared, real);
}
