//! A journal of an earlier version is read and finished by this one, and the register knows every column.

use crate::Machine;
use ally_durable::journal::Kind;
use ally_durable::{Effect, Ending, Outcome, REGISTER, Run, Step};
use ally_store::StoreError;
use ally_types::Label;
use ally_types::register::Place;

/// A run of format 1 that was interrupted inside its second step. New formats add a file; this one stays.
const FORMAT_1: &str = include_str!("golden/format_1.sql");

#[test]
fn an_interrupted_run_of_format_1_is_finished() {
    let machine = Machine::new();
    let process = machine.start(|_| async { Err(ally_durable::Error::NotYours) });
    process.store.write_now(|tx| Ok::<_, StoreError>(tx.execute_batch(FORMAT_1)?)).unwrap();
    drop(process);
    let mut process = machine.start(|run: Run| async move {
        for path in ["model/0", "tool/memory"] {
            let step = Step::new(path, Effect::Idempotent, Label::USER, &path)?;
            run.step(step, |_| async { Outcome::done(Label::TRUSTED, &"new") }, |_, _| Ok(())).await?;
        }
        run.finish(Ending::Succeeded, |_| Ok(())).await
    });
    assert_eq!(process.until_end(), Kind::Succeeded);
    let run = "run_01K2Z0000000000000000000AA".parse().unwrap();
    let kinds = process.kinds(run);
    let before = ["created", "started", "intent", "outcome", "intent"];
    assert_eq!(kinds, [&before[..], &["started", "intent", "outcome", "succeeded"]].concat());
    let first = process.entries(run).into_iter().find(|entry| entry.kind == Kind::Outcome).unwrap();
    assert_eq!(first.body.unwrap().expose(), "\"old\"");
}

#[test]
fn the_register_names_exactly_the_columns_there_are() {
    let machine = Machine::new();
    let process = machine.start(|_| async { Err(ally_durable::Error::NotYours) });
    let tables = process.block_on(process.store.columns()).unwrap();
    for (table, columns) in tables.into_iter().filter(|(table, _)| table != "migrations" && table != "marks") {
        let mut registered: Vec<&str> = REGISTER
            .iter()
            .filter_map(|entry| match entry.place {
                Place::Columns { table: named, columns, .. } if named == table => Some(columns),
                _ => None,
            })
            .flatten()
            .copied()
            .collect();
        let mut columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        columns.sort_unstable();
        registered.sort_unstable();
        assert_eq!(columns, registered, "{table}");
    }
}
