//! Whoever answers: one enum over all adapters, with the promise that every answer has exactly one end.

use crate::{Event, Failure, FailureKind, Meter, Request, Scripted, anthropic, builtin, openai_compatible, windows};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

/// An answer as it arrives. Dropping it stops the provider.
pub type Events = BoxStream<'static, Event>;

/// Whoever answers a request.
#[derive(Debug, Clone)]
pub enum Provider {
    /// Claude, through the Messages API.
    Anthropic(anthropic::Config),
    /// A model server that speaks the chat completions format.
    OpenAiCompatible(openai_compatible::Config),
    /// A script, for tests and `make dev`.
    Scripted(Scripted),
    /// The built-in commands; no model is called.
    BuiltIn,
}

impl Provider {
    /// The name that stands in [`Event::Started`] and in [`crate::Block::Opaque`].
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Anthropic(_) => anthropic::NAME,
            Self::OpenAiCompatible(_) => openai_compatible::NAME,
            Self::Scripted(_) => crate::scripted::NAME,
            Self::BuiltIn => builtin::NAME,
        }
    }

    /// Where its calls go; `None` where nothing leaves.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::Anthropic(config) => Some(&config.base_url),
            Self::OpenAiCompatible(config) => Some(&config.base_url),
            Self::Scripted(_) | Self::BuiltIn => None,
        }
    }

    /// The same provider, whose calls this meter counts.
    #[must_use]
    pub fn metered(self, meter: Meter) -> Self {
        match self {
            Self::Anthropic(config) => Self::Anthropic(anthropic::Config { meter, ..config }),
            Self::OpenAiCompatible(config) => Self::OpenAiCompatible(openai_compatible::Config { meter, ..config }),
            other => other,
        }
    }

    /// The configured model; empty for built-in commands.
    pub fn model(&self) -> &str {
        match self {
            Self::Anthropic(config) => &config.model,
            Self::OpenAiCompatible(config) => &config.model,
            Self::Scripted(_) => crate::scripted::NAME,
            Self::BuiltIn => "",
        }
    }

    /// Tokens that the model reads at most, as far as somebody says so: the provider's list, else our table.
    pub fn window(&self) -> Option<u64> {
        self.listed_window().or_else(|| windows::window(self.name(), self.model()))
    }

    /// How many tokens a question has as the provider counts them, where it does that for nothing. `None` where it does
    /// not, or did not answer in time.
    pub async fn count_tokens(&self, client: &reqwest::Client, request: &Request) -> Option<u64> {
        match self {
            Self::Anthropic(config) => anthropic::count_tokens(client, config, request).await.ok(),
            Self::OpenAiCompatible(_) | Self::Scripted(_) | Self::BuiltIn => None,
        }
    }

    /// Whether [`Provider::count_tokens`] can answer.
    pub const fn counts_tokens(&self) -> bool {
        matches!(self, Self::Anthropic(_))
    }

    fn listed_window(&self) -> Option<u64> {
        match self {
            Self::Anthropic(config) => config.window,
            Self::OpenAiCompatible(config) => config.window,
            Self::Scripted(_) | Self::BuiltIn => None,
        }
    }

    /// Asks. The stream ends with exactly one [`Event::Finished`] or [`Event::Failed`] and nothing after it.
    pub fn stream(&self, client: &reqwest::Client, request: &Request) -> Events {
        let listed = self.listed_window();
        let events = ended_once(match self {
            Self::Anthropic(config) => anthropic::stream(client, config, request),
            Self::OpenAiCompatible(config) => openai_compatible::stream(client, config, request),
            Self::Scripted(scripted) => scripted.stream(request),
            Self::BuiltIn => Box::pin(futures_util::stream::iter(builtin::answer(request))),
        });
        if listed.is_none() {
            return events;
        }
        Box::pin(events.map(move |event| match event {
            Event::Started { provider, model, .. } => Event::Started { provider, model, window: listed },
            other => other,
        }))
    }
}

/// Makes sure of the one end: what comes after it is dropped, and a stream without one was truncated.
pub fn ended_once(events: Events) -> Events {
    Box::pin(futures_util::stream::unfold(Some(events), |events| async move {
        let mut events = events?;
        let event = events.next().await.unwrap_or(Event::Failed { failure: Failure::of(FailureKind::Truncated) });
        let is_end = matches!(event, Event::Finished { .. } | Event::Failed { .. });
        Some((event, (!is_end).then_some(events)))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stop;

    async fn through(events: Vec<Event>) -> Vec<Event> {
        ended_once(Box::pin(futures_util::stream::iter(events))).collect().await
    }

    #[tokio::test]
    async fn a_silent_end_is_a_truncated_answer() {
        let text = Event::TextDelta { text: "a".into() };
        let cut = Event::Failed { failure: Failure::of(FailureKind::Truncated) };
        assert_eq!(through(vec![text.clone()]).await, [text, cut.clone()]);
        assert_eq!(through(Vec::new()).await, [cut]);
    }

    #[tokio::test]
    async fn nothing_comes_after_the_end() {
        let end = Event::Finished { stop: Stop::EndTurn };
        assert_eq!(through(vec![end.clone(), Event::TextDelta { text: "late".into() }, end.clone()]).await, [end]);
    }
}
