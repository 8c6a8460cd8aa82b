//! What one call costs: held before it leaves, settled when it has ended, also when somebody stopped it.

use super::Payer;
use super::counters::Hold;
use super::plans::Span;
use super::size::Size;
use crate::gateway::Gateway;
use ally_llm::{Block, Event, Provider, Request, Usage};
use ally_store::StoreError;
use ally_types::{ServerId, log};
use tokio::time::Instant;

/// The place of one call among those of its server; leaving is dropping it.
pub(crate) struct Place {
    gateway: Gateway,
    server: ServerId,
}

impl Place {
    /// Takes a place, unless this server has too many calls at a time.
    pub fn take(gateway: &Gateway, server: ServerId) -> Option<Self> {
        gateway.models.enter(server).then(|| Self { gateway: gateway.clone(), server })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gateway.models.leave(self.server);
    }
}

/// One call that is running. Dropping it settles it.
pub(crate) struct Bill {
    place: Place,
    /// The tokens that are held; `None` when nobody counts this call, or it is settled.
    held: Option<Held>,
    usage: Option<Usage>,
    /// Bytes of the answer that have passed.
    passed: usize,
    begun: Instant,
    end: Ended,
}

/// How a call ended, as far as it has passed here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// It has not: whoever asked went away.
    Open,
    Whole,
    Broken,
}

/// No model of today writes more tokens in a second, also of those that nobody is shown.
const MOST_A_SECOND: f64 = 150.0;

#[derive(Clone, Copy)]
struct Held {
    hold: Hold,
    /// What reading the question costs at least, when the provider never said.
    question: i64,
}

/// Why a call may not leave.
pub(crate) enum Refusal {
    /// This limit does not reach.
    Limit(Span),
    /// The counters cannot be written.
    Store(StoreError),
}

impl Bill {
    /// Holds the tokens of a call that has its place. Near a limit the provider is asked how many the question has.
    pub async fn open(
        place: Place,
        payer: Payer,
        provider: &Provider,
        request: &Request,
        mut size: Size,
    ) -> Result<Self, Refusal> {
        let (gateway, server) = (place.gateway.clone(), place.server);
        gateway.models.unsettled.send_modify(|count| *count += 1);
        let mut bill = Self { place, held: None, usage: None, passed: 0, begun: Instant::now(), end: Ended::Open };
        if payer != Payer::Installation {
            return Ok(bill);
        }
        let (counters, now) = (&gateway.models.counters, gateway.clock.now());
        let grant = gateway.models.plans.grant(server);
        let most = |size: &Size| size.tokens().saturating_add(i64::from(request.max_tokens));
        if counters.is_near(server, now, most(&size), grant).await.map_err(Refusal::Store)? {
            size.count(&gateway, server, provider, request).await;
        }
        match counters.reserve(server, now, most(&size), grant).await {
            Ok(Ok(hold)) => {
                bill.held = Some(Held { hold, question: size.tokens() });
                Ok(bill)
            }
            Ok(Err(span)) => Err(Refusal::Limit(span)),
            Err(error) => Err(Refusal::Store(error)),
        }
    }

    /// Reads the counts as they pass.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::Usage { usage } => self.usage = Some(*usage),
            Event::TextDelta { text } | Event::ThinkingDelta { text } => self.passed += text.len(),
            Event::Block { block: Block::ToolCall { input, .. } } => self.passed += input.to_string().len(),
            Event::Finished { .. } => self.end = Ended::Whole,
            Event::Failed { .. } => self.end = Ended::Broken,
            Event::Started { .. } | Event::Block { .. } => {}
        }
    }

    /// Settles now, so that whoever sees the end of the answer also sees the count.
    pub async fn settle(&mut self) {
        if let Some(held) = self.held.take() {
            write(&self.place.gateway, self.place.server, held, self.used(held)).await;
        }
    }

    /// What a call cost. A provider states the counts of a whole answer at its end; before that, they say less than was
    /// written. So whoever goes away in the middle is counted what has passed, or what may have been thought in that
    /// time without being shown, but never more than was held: else hanging up early would be a way around each limit.
    fn used(&self, held: Held) -> i64 {
        let stated = self.usage.map(|usage| {
            let Usage { input, output, cache_read, cache_write } = usage;
            let all = input.saturating_add(output).saturating_add(cache_read).saturating_add(cache_write);
            i64::try_from(all).unwrap_or(i64::MAX / 4)
        });
        let seen = held.question.saturating_add(i64::try_from(self.passed / 4).unwrap_or(i64::MAX / 4));
        match (self.end, stated) {
            (Ended::Whole, stated) => stated.unwrap_or(seen),
            // The provider refused: nothing was read.
            (Ended::Broken, None) if self.passed == 0 => 0,
            (Ended::Broken, stated) => stated.unwrap_or(0).max(seen),
            (Ended::Open, stated) => {
                let thought = (self.begun.elapsed().as_secs_f64() * MOST_A_SECOND) as i64;
                let most = held.hold.needed().max(stated.unwrap_or(0));
                stated.unwrap_or(0).max(seen).max(held.question.saturating_add(thought)).min(most)
            }
        }
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        let (gateway, server) = (self.place.gateway.clone(), self.place.server);
        let done = |gateway: &Gateway| gateway.models.unsettled.send_modify(|count| *count -= 1);
        match self.held.take() {
            None => done(&gateway),
            Some(held) => {
                let used = self.used(held);
                tokio::spawn(async move {
                    write(&gateway, server, held, used).await;
                    done(&gateway);
                });
            }
        }
    }
}

async fn write(gateway: &Gateway, server: ServerId, held: Held, used: i64) {
    if gateway.models.counters.settle(server, held.hold, used).await.is_err() {
        log::error("a model call could not be settled", &[("server", &server), ("tokens", &used)]);
    }
}
