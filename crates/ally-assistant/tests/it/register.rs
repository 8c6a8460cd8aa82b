//! The privacy register and the real schema say the same.

use crate::world::Life;
use ally_types::register::Place;
use std::collections::BTreeSet;

#[tokio::test]
async fn every_column_stands_in_the_register_and_every_entry_has_its_column() {
    let mira = Life::new().await;
    let real: BTreeSet<(String, String)> = mira
        .assistant
        .columns()
        .await
        .unwrap()
        .into_iter()
        .flat_map(|(table, columns)| columns.into_iter().map(move |column| (table.clone(), column)))
        .collect();
    let mut declared = BTreeSet::new();
    for entry in ally_assistant::REGISTER.iter().chain(ally_durable::REGISTER) {
        if let Place::Columns { store: "assistant", table, columns } = entry.place {
            for column in columns {
                assert!(
                    declared.insert((table.to_owned(), (*column).to_owned())),
                    "{table}.{column} stands there twice"
                );
            }
        }
    }
    assert_eq!(real, declared);
}

#[test]
fn the_description_of_the_doors_is_complete() {
    let description = serde_json::to_value(ally_assistant::openapi()).unwrap();
    let schemas = description["components"]["schemas"].as_object().unwrap();
    for name in
        ["Chat", "Message", "Part", "Author", "Event", "Sent", "Problem", "MemoryFile", "Provider", "Hit", "Approval"]
    {
        assert!(schemas.contains_key(name), "{name} is missing: {:?}", schemas.keys().collect::<Vec<_>>());
    }
    let events = description["components"]["schemas"]["Event"]["oneOf"].as_array().unwrap();
    assert_eq!(events.len(), 17);
}
