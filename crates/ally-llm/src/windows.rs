//! How much models read at most: a dated table for providers whose list was not asked.
//!
//! What a provider's own list says counts more ([`Listed`]). A model that is known nowhere gets what is safe. Whoever
//! adds a line copies it from the provider's own page, with the day on which that page said so.

use crate::{anthropic, openai_compatible};

/// A model as its provider's list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Tokens that it reads at most, if the list says so.
    pub window: Option<u64>,
}

/// How much a model reads at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The adapter that answers.
    pub provider: &'static str,
    /// The model's name, without the day of its release.
    pub model: &'static str,
    /// Tokens, the answer included.
    pub tokens: u64,
    /// The day on which this was so, `2026-11-21`.
    pub seen: &'static str,
    /// Who says so.
    pub source: &'static str,
}

const fn of_anthropic(model: &'static str, tokens: u64) -> Window {
    Window { provider: anthropic::NAME, model, tokens, seen: "2026-11-21", source: "platform.claude.com/docs, Models" }
}

/// All that is known.
pub const WINDOWS: &[Window] = &[
    of_anthropic("claude-sonnet-5-5", 1_000_000),
    of_anthropic("claude-opus-5-5", 1_000_000),
    of_anthropic("claude-haiku-5-5", 1_000_000),
    of_anthropic("claude-sonnet-5", 1_000_000),
    of_anthropic("claude-opus-5", 1_000_000),
    of_anthropic("claude-haiku-4-5", 200_000),
    of_anthropic("claude-sonnet-4-5", 200_000),
];

/// How much a model reads at most, if it is known.
pub fn window(provider: &str, model: &str) -> Option<u64> {
    let is_it = |window: &&Window| window.provider == provider && anthropic::is_named(model, window.model);
    WINDOWS.iter().find(is_it).map(|window| window.tokens)
}

/// What a model of this provider may be given when nobody knows. Models at home are as different as their owners, and
/// most read this much; of those behind an account none of today reads less than this.
pub fn safe(provider: &str) -> u64 {
    if provider == openai_compatible::NAME { 32_000 } else { 200_000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_its_window_with_and_without_the_day_of_its_release_and_no_other_has_it() {
        assert_eq!(window("anthropic", anthropic::DEFAULT_MODEL), Some(1_000_000));
        assert_eq!(window("anthropic", "claude-haiku-4-5-20251001"), Some(200_000));
        for strange in ["claude-sonnet-5-6", "claude-sonnet-5-5-fast", "claude", ""] {
            assert_eq!(window("anthropic", strange), None, "{strange}");
        }
        assert_eq!(window("openai_compatible", "claude-sonnet-5-5"), None);
    }

    #[test]
    fn what_is_safe_is_no_more_than_any_known_model_reads() {
        for known in WINDOWS {
            assert!(safe(known.provider) <= known.tokens && known.seen.len() == 10 && !known.source.is_empty());
        }
    }
}
