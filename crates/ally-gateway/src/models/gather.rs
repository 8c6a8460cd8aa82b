//! An answer in fewer, larger pieces: its beginning at once, what comes right behind it together.
//!
//! A provider sends a few letters at a time, up to a hundred times a second. Each piece would wake the assistant, the
//! gateway and the browser once more; a reader sees no difference between a hundred pieces a second and forty.

use ally_llm::{Event, Events};
use futures_util::stream::Fuse;
use futures_util::{FutureExt as _, StreamExt as _};
use std::time::Duration;
use tokio::time::Instant;

/// After a piece of text has left, what follows is gathered for so long: one and a half frames of a usual screen.
const GATHERS_FOR: Duration = Duration::from_millis(25);

/// The same answer. Pieces of text that follow one another closely become one; everything else comes as it comes, and
/// never before the text that was said before it.
pub(super) struct Gathered {
    events: Fuse<Events>,
    /// Text that waits to leave.
    text: Option<Event>,
    /// What ended the gathering, and comes behind the text.
    behind: Option<Event>,
    /// No text leaves before.
    not_before: Instant,
}

impl Gathered {
    pub fn new(events: Events) -> Self {
        Self { events: events.fuse(), text: None, behind: None, not_before: Instant::now() }
    }

    /// Has the question leave now, and not when somebody asks for the first event.
    pub async fn begin(&mut self) {
        match self.events.next().now_or_never().flatten() {
            Some(event) if is_text(&event) => self.text = Some(event),
            other => self.behind = other,
        }
        // The connection is another task's.
        tokio::task::yield_now().await;
    }

    /// The next event; `None` when there are no more. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if self.text.is_none() {
                if let Some(behind) = self.behind.take() {
                    return Some(behind);
                }
                let event = self.events.next().await?;
                if !is_text(&event) {
                    return Some(event);
                }
                self.text = Some(event);
            }
            if self.behind.is_some() || Instant::now() >= self.not_before {
                self.not_before = Instant::now() + GATHERS_FOR;
                return self.text.take();
            }
            tokio::select! {
                // What has come already comes along.
                biased;
                event = self.events.next() => match event {
                    Some(event) => self.behind = join(&mut self.text, event),
                    None => return self.text.take(),
                },
                () = tokio::time::sleep_until(self.not_before) => {}
            }
        }
    }
}

const fn is_text(event: &Event) -> bool {
    matches!(event, Event::TextDelta { .. } | Event::ThinkingDelta { .. })
}

/// Adds an event to the text that waits. Answers the event if it is something else.
fn join(waiting: &mut Option<Event>, event: Event) -> Option<Event> {
    match (waiting, event) {
        (Some(Event::TextDelta { text }), Event::TextDelta { text: more })
        | (Some(Event::ThinkingDelta { text }), Event::ThinkingDelta { text: more }) => {
            let mut joined = String::with_capacity(text.len() + more.len());
            joined.push_str(text.expose());
            joined.push_str(more.expose());
            *text = joined.into();
            None
        }
        (_, event) => Some(event),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_llm::Stop;
    use futures_util::stream;

    fn text(text: &str) -> Event {
        Event::TextDelta { text: text.into() }
    }

    fn thinking(text: &str) -> Event {
        Event::ThinkingDelta { text: text.into() }
    }

    /// One event each ten milliseconds.
    fn slowly(events: Vec<Event>) -> Gathered {
        let pause = Duration::from_millis(10);
        let ticks = tokio::time::interval_at(Instant::now() + pause, pause);
        let events = stream::iter(events);
        let events = stream::unfold((ticks, events), |(mut ticks, mut events)| async move {
            let event = events.next().await?;
            ticks.tick().await;
            Some((event, (ticks, events)))
        });
        Gathered::new(Box::pin(events))
    }

    async fn all(mut gathered: Gathered) -> Vec<Event> {
        let mut all = Vec::new();
        while let Some(event) = gathered.next().await {
            all.push(event);
        }
        all
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_piece_comes_at_once_and_the_next_ones_together() {
        let end = Event::Finished { stop: Stop::EndTurn };
        let events = ["a", "b", "c", "d", "e", "f"].map(text).into_iter().chain([end.clone()]).collect();
        let begun = Instant::now();
        let mut gathered = slowly(events);
        assert_eq!(gathered.next().await, Some(text("a")));
        assert_eq!(begun.elapsed(), Duration::from_millis(10), "nothing is added to the first");
        assert_eq!(all(gathered).await, [text("bc"), text("def"), end]);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_overtakes_the_text_before_it_and_two_kinds_of_text_are_not_mixed() {
        let (usage, end) = (Event::Usage { usage: Default::default() }, Event::Finished { stop: Stop::EndTurn });
        let events = [thinking("1"), thinking("2"), thinking("3"), text("a"), text("b"), usage, text("c"), end];
        let same = |event: &Event| (is_text(event), std::mem::discriminant(event));
        let heard = all(slowly(events.to_vec())).await;
        let order: Vec<_> = heard.iter().map(same).collect();
        let mut wanted: Vec<_> = events.iter().map(same).collect();
        let mut seen = order.clone();
        wanted.dedup();
        seen.dedup();
        assert_eq!(seen, wanted);
        let said: String = heard
            .iter()
            .filter_map(|event| match event {
                Event::TextDelta { text } | Event::ThinkingDelta { text } => Some(text.expose()),
                _ => None,
            })
            .collect();
        assert_eq!(said, "123abc");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_stops_waiting_in_between_loses_nothing() {
        let mut gathered = slowly(["a", "b", "c"].map(text).to_vec());
        assert_eq!(gathered.next().await, Some(text("a")));
        for _ in 0..3 {
            let waited = tokio::time::timeout(Duration::from_millis(5), gathered.next()).await;
            assert!(waited.is_err());
        }
        assert_eq!(all(gathered).await, [text("bc")]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_just_ends_gives_its_last_text() {
        assert_eq!(all(slowly(["a", "b"].map(text).to_vec())).await, [text("a"), text("b")]);
    }
}
