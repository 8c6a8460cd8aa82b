//! Lists: every one answers `{items, next?}`.

use serde::{Deserialize, Serialize};

/// A page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Items<T> {
    /// What is on this page.
    pub items: Vec<T>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which page is wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Where to begin: `next` of the page before.
    pub cursor: Option<String>,
    /// At most so many items, 1 to 100.
    pub limit: Option<u32>,
}

impl<T> Items<T> {
    /// A list that has only one page.
    pub fn all(items: impl IntoIterator<Item = T>) -> Self {
        Self { items: items.into_iter().collect(), next: None }
    }
}

impl Wanted {
    /// How many, within bounds.
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(50).clamp(1, 100)
    }
}
