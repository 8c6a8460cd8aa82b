//! Lists what a database holds, so that the privacy register can be compared with it.

use crate::StoreError;
use rusqlite::Connection;

/// Tables, virtual tables and views with their columns, by name. SQLite's own tables and the tables that a full-text
/// index keeps for itself are left out: they hold what the listed ones hold.
pub(crate) fn columns(connection: &Connection) -> Result<Vec<(String, Vec<String>)>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT list.name, info.name FROM pragma_table_list AS list, pragma_table_xinfo(list.name) AS info
         WHERE list.schema = 'main' AND list.type <> 'shadow' AND list.name NOT LIKE 'sqlite!_%' ESCAPE '!'
           AND info.hidden <> 1
         ORDER BY list.name, info.cid",
    )?;
    let mut tables: Vec<(String, Vec<String>)> = Vec::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (table, column): (String, String) = (row.get(0)?, row.get(1)?);
        match tables.last_mut() {
            Some((name, columns)) if *name == table => columns.push(column),
            _ => tables.push((table, vec![column])),
        }
    }
    Ok(tables)
}
