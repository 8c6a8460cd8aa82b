//! The runs of imports: one looks through a file, another makes its chats. Both only change the person's own database,
//! in transactions that are refused once the run is not theirs any more, and go on from what is there.

use super::broken::Broken;
use super::{State, check, store, take};
use crate::app::{App, Weak};
use crate::fault::{Done, Fault};
use ally_durable::{Ending, Error, Executor, Finished, Run, runs};
use ally_store::{StoreError, Tx};
use ally_types::{Clock, Content, ImportId, Problem};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The kind of these runs.
pub const KIND: &str = "import";

/// Works on imports.
pub struct Imports {
    pub(crate) app: Weak,
    pub(crate) clock: Arc<dyn Clock>,
}

#[derive(Serialize, Deserialize)]
struct Input {
    import: ImportId,
}

/// How the work on an import ended.
pub struct Worked {
    /// How the run ends.
    pub ending: Ending,
    /// How far the import has come.
    pub state: State,
    /// Why it does not go on.
    pub problem: Option<Broken>,
}

/// What a run is told.
pub fn input(import: ImportId) -> Done<Content> {
    Ok(serde_json::to_string(&Input { import }).map_err(|_| Problem::internal())?.into())
}

impl Executor for Imports {
    fn run(&self, run: Run) -> ally_durable::Work {
        let app = self.app.upgrade();
        Box::pin(async move {
            let Some(app) = app else { return Err(Error::NotYours) };
            let Input { import } = serde_json::from_str(run.row().input.expose()).map_err(|_| Problem::internal())?;
            let finished = work(&app, &run, import).await;
            // Whoever waits to take it away may do so now.
            app.ring_line();
            app.look_at_alarms();
            finished
        })
    }

    fn ended(&self, tx: &Tx, run: &runs::Row, ending: Ending) -> Result<(), StoreError> {
        let Ok(Input { import }) = serde_json::from_str(run.input.expose()) else { return Ok(()) };
        let settle = || {
            let Some(found) = store::get(tx, import)? else { return Ok(()) };
            let problem = (ending != Ending::Cancelled).then_some(Broken::Attempts);
            match found.state {
                State::Checking => {
                    store::set_state(tx, import, State::Failed, Some(Broken::Attempts), self.clock.now())
                }
                State::Running => store::set_state(tx, import, State::Ready, problem, self.clock.now()),
                _ => Ok(()),
            }
        };
        match settle() {
            Err(Fault::Store(error)) => Err(error),
            _ => Ok(()),
        }
    }
}

async fn work(app: &App, run: &Run, id: ImportId) -> Result<Finished, Error> {
    let found = app.store().read(move |tx| store::get(tx, id)).await?.ok_or(Error::NotYours)?;
    let worked = match found.state {
        State::Checking => check::all(app, run, id).await?,
        State::Running => take::all(app, run, &found).await?,
        state => Worked { ending: Ending::Cancelled, state, problem: None },
    };
    let now = app.clock().now();
    let Worked { ending, state, problem } = worked;
    run.finish(ending, move |tx| Ok(store::set_state(tx, id, state, problem, now)?)).await
}

/// What is wrong with a file ends the work; what is wrong with the database may pass.
pub fn told(fault: Fault) -> Result<Broken, Error> {
    match fault {
        Fault::Problem(problem) => Broken::from_stored(&problem.kind).ok_or(Error::Problem(*problem)),
        Fault::Store(error) => Err(error.into()),
    }
}
