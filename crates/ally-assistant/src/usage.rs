//! What the models' calls have used: by day, by chat, by model and by cause. All four are sums of the same rows, so they
//! agree to the token.

pub mod csv;
pub mod http;
pub mod store;

use ally_llm::{Usage, prices};
use serde::Deserialize;
use std::collections::HashMap;
use store::{Grain, Sum};

/// Counts are kept and shown for twelve months.
pub const KEPT_DAYS: i64 = 365;

/// How to sum up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// By day.
    Day,
    /// By chat.
    Session,
    /// By model.
    Model,
    /// By what the calls were for: the kind of run, `turn` for a question in a chat.
    Cause,
}

/// Adds up what is the same in this regard, in the order of its last row.
pub fn sums(grains: Vec<Grain>, by: By) -> Vec<Sum> {
    let mut sums: Vec<Sum> = Vec::new();
    let mut places = HashMap::new();
    for grain in grains {
        let key = match by {
            By::Day => (grain.day.clone(), String::new()),
            By::Session => (grain.chat.map(|chat| chat.to_string()).unwrap_or_default(), String::new()),
            By::Model => (grain.provider.clone(), grain.model.clone()),
            By::Cause => (grain.cause.clone(), String::new()),
        };
        let at = *places.entry(key).or_insert_with(|| {
            sums.push(Sum::of(&grain, by));
            sums.len() - 1
        });
        sums[at].add(&grain);
    }
    sums.sort_by_key(|sum| sum.last);
    sums
}

impl Sum {
    fn of(grain: &Grain, by: By) -> Self {
        let only = |wanted: By, text: &String| (by == wanted).then(|| text.clone());
        Self {
            day: only(By::Day, &grain.day),
            chat: grain.chat.filter(|_| by == By::Session),
            title: None,
            provider: only(By::Model, &grain.provider),
            model: only(By::Model, &grain.model),
            cause: only(By::Cause, &grain.cause),
            usage: Usage::default(),
            calls: 0,
            paid: Paid::default(),
            last: 0,
        }
    }

    fn add(&mut self, grain: &Grain) {
        let more = grain.usage;
        self.usage = self.usage + more;
        self.calls += grain.calls;
        self.last = self.last.max(grain.last);
        if grain.is_own_key {
            self.paid.add(&grain.provider, &grain.model, &grain.day, more, grain.calls);
        }
    }
}

/// What the person's own key has paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paid {
    /// How many calls.
    pub calls: u64,
    /// In hundred-millionths of a US dollar; `None` where a price is not known.
    cost: Option<u128>,
}

impl Default for Paid {
    fn default() -> Self {
        Self { calls: 0, cost: Some(0) }
    }
}

impl Paid {
    /// Adds calls of a model on a day.
    pub fn add(&mut self, provider: &str, model: &str, day: &str, usage: Usage, calls: u64) {
        self.calls += calls;
        // One part without a price, and the whole has none.
        let price = prices::price(provider, model, day);
        self.cost = self.cost.zip(price).map(|(cost, price)| cost + price.of(usage));
    }

    /// In millionths of a US dollar: nothing where it paid nothing, or where the price is not known.
    pub fn micro_usd(&self) -> Option<u64> {
        let cost = self.cost.filter(|_| self.calls > 0)?;
        u64::try_from((cost + 50) / 100).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grain(day: &str, model: &str, input: u64, is_own_key: bool) -> Grain {
        Grain {
            day: day.to_owned(),
            chat: None,
            provider: "anthropic".to_owned(),
            model: model.to_owned(),
            cause: "turn".to_owned(),
            is_own_key,
            usage: Usage { input, ..Usage::default() },
            calls: 1,
            last: 0,
        }
    }

    #[test]
    fn money_is_shown_for_ones_own_key_and_a_known_price_only() {
        let cost = |grains: &[(&str, u64, bool)]| {
            let grains = grains.iter().map(|(model, input, own)| grain("2026-01-01", model, *input, *own)).collect();
            sums(grains, By::Day)[0].paid.micro_usd()
        };
        let (known, other) = ("claude-sonnet-4-5-20250929", "claude-sonnet-5-6");
        assert_eq!(cost(&[(known, 1_000_000, true)]), Some(3_000_000));
        assert_eq!(cost(&[(known, 1, true), (known, 1, true)]), Some(6));
        assert_eq!(cost(&[(known, 1_000_000, false)]), None, "the installation paid");
        assert_eq!(cost(&[(known, 1_000_000, true), (other, 5, false)]), Some(3_000_000));
        assert_eq!(cost(&[(known, 1_000_000, true), (other, 5, true)]), None, "a part is not known");
    }
}
