//! What calls of models cost, as far as it is known: one line for each model and each time its price changed.
//!
//! A model that is not here has no price: no amount is shown for it, and none is guessed. This is the place to bring
//! prices up to date: whoever adds a line copies it from the provider's own price list, with the day on which that list
//! said so, and leaves the lines before it as they are. A model whose price depends on how long a question is cannot be
//! written as a line, and so has none.

use crate::{Usage, anthropic};

/// Where Anthropic says what its models cost.
const ANTHROPIC: &str = "platform.claude.com/docs, Models & pricing";

/// The price of a model from a day on, in US cents for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// The adapter that answers.
    pub provider: &'static str,
    /// The model's name, without the day of its release.
    pub model: &'static str,
    /// The first day of which this is known to be true, `2025-11-08`.
    pub from: &'static str,
    /// Read by the model, without what came from a cache.
    pub input: u64,
    /// Written by the model.
    pub output: u64,
    /// Read from the provider's cache.
    pub cache_read: u64,
    /// Written to the provider's cache, for five minutes.
    pub cache_write: u64,
    /// Who says so.
    pub source: &'static str,
}

const fn of_anthropic(model: &'static str, from: &'static str, cents: [u64; 4]) -> Price {
    let [input, output, cache_read, cache_write] = cents;
    Price { provider: anthropic::NAME, model, from, input, output, cache_read, cache_write, source: ANTHROPIC }
}

/// All prices. Of two lines of one model the later one holds from its day on.
pub const PRICES: &[Price] = &[
    // From 7 October 2026 reading from the cache costs half of what it did.
    of_anthropic("claude-sonnet-5-5", "2026-10-07", [200, 1000, 10, 250]),
    of_anthropic("claude-sonnet-5-5", "2026-09-29", [200, 1000, 20, 250]),
    of_anthropic("claude-opus-5-5", "2026-09-23", [400, 2000, 20, 500]),
    of_anthropic("claude-opus-5", "2026-07-24", [500, 2500, 50, 625]),
    of_anthropic("claude-sonnet-5", "2026-06-30", [200, 1000, 20, 250]),
    of_anthropic("claude-opus-4-1", "2025-11-08", [1500, 7500, 150, 1875]),
    of_anthropic("claude-opus-4", "2025-11-08", [1500, 7500, 150, 1875]),
    of_anthropic("claude-sonnet-4-5", "2025-11-08", [300, 1500, 30, 375]),
    of_anthropic("claude-sonnet-4", "2025-11-08", [300, 1500, 30, 375]),
    of_anthropic("claude-3-7-sonnet", "2025-11-08", [300, 1500, 30, 375]),
    of_anthropic("claude-haiku-4-5", "2025-11-08", [100, 500, 10, 125]),
    of_anthropic("claude-3-5-haiku", "2025-11-08", [80, 400, 8, 100]),
];

/// The price of a model on a day, if it is known.
pub fn price(provider: &str, model: &str, day: &str) -> Option<&'static Price> {
    let of_model =
        |price: &&Price| price.provider == provider && price.from <= day && anthropic::is_named(model, price.model);
    PRICES.iter().filter(of_model).max_by_key(|price| price.from)
}

impl Price {
    /// What so many tokens cost, in hundred-millionths of a US dollar; a sum of these is rounded once, at its end.
    pub fn of(&self, usage: Usage) -> u128 {
        let part = |tokens: u64, cents: u64| u128::from(tokens) * u128::from(cents);
        part(usage.input, self.input)
            + part(usage.output, self.output)
            + part(usage.cache_read, self.cache_read)
            + part(usage.cache_write, self.cache_write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_its_price_with_and_without_the_day_of_its_release_and_no_other_has_it() {
        let known = |model: &str| price("anthropic", model, "2026-01-01").map(|price| price.model);
        assert_eq!(known("claude-sonnet-4-5-20250929"), Some("claude-sonnet-4-5"));
        assert_eq!(known("claude-sonnet-4-5"), Some("claude-sonnet-4-5"));
        assert_eq!(known("claude-sonnet-4-20250514"), Some("claude-sonnet-4"));
        for strange in ["claude-sonnet-4-6", "claude-sonnet-4-5-fast", "claude-sonnet-5-6", "claude", "", "gpt-5"] {
            assert_eq!(known(strange), None, "{strange}");
        }
        assert_eq!(price("openai_compatible", "claude-sonnet-4-5", "2026-01-01"), None);
        assert_eq!(price("anthropic", "claude-sonnet-4-5", "2025-01-01"), None, "what was before is not known");
    }

    #[test]
    fn a_price_that_changes_holds_from_its_day_on_and_the_model_that_is_asked_today_has_one() {
        let of_cache = |day| price("anthropic", "claude-sonnet-5-5", day).map(|price| price.cache_read);
        assert_eq!(
            [of_cache("2026-09-28"), of_cache("2026-10-06"), of_cache("2026-10-07")],
            [None, Some(20), Some(10)]
        );
        assert!(price("anthropic", anthropic::DEFAULT_MODEL, "2026-11-21").is_some());
    }

    #[test]
    fn a_million_tokens_of_each_kind_cost_what_the_list_says() {
        let price = price("anthropic", "claude-sonnet-4-5", "2026-01-01").expect("known");
        let of = |usage| price.of(usage) / 100_000_000;
        assert_eq!(of(Usage { input: 1_000_000, ..Usage::default() }), 3);
        assert_eq!(of(Usage { output: 1_000_000, ..Usage::default() }), 15);
        assert_eq!(price.of(Usage { cache_read: 1_000_000, ..Usage::default() }), 30_000_000);
        assert_eq!(price.of(Usage { cache_write: 1_000_000, ..Usage::default() }), 375_000_000);
    }

    #[test]
    fn every_line_has_its_day_and_its_source() {
        for price in PRICES {
            let digits = price.from.bytes().filter(u8::is_ascii_digit).count();
            assert!(price.from.len() == 10 && digits == 8 && !price.source.is_empty(), "{}", price.model);
        }
    }
}
