//! How large a question is: our estimate, and the provider's own count where the estimate comes near a limit.
//!
//! Counting is another call to the provider, for which the person waits. So it is made only where it can change what
//! happens: near the model's window, where an answer has to be shorter or cannot be; and near a usage limit, where a
//! question may fit that the estimate would refuse. When the provider does not count, the estimate stands.

use crate::egress::providers;
use crate::gateway::Gateway;
use ally_llm::{Provider, Request};
use ally_types::ServerId;

/// From this share of a limit on the provider is asked to count, in percent.
pub(super) const NEAR: i64 = 70;

/// An answer shorter than this is no use, unless it was asked for.
const LEAST_ANSWER: u32 = 1024;

/// The size of a question in tokens.
pub(crate) struct Size {
    /// Bytes of its words.
    bytes: i64,
    /// Tokens of its files.
    files: i64,
    counted: Option<i64>,
    /// It is asked for only once.
    was_asked: bool,
}

impl Size {
    /// Our own estimate.
    pub fn estimate(request: &Request) -> Self {
        let most = i64::MAX / 200;
        let files: u64 = request.files().map(ally_llm::File::tokens).fold(0, u64::saturating_add);
        Self {
            bytes: i64::try_from(bytes(request)).unwrap_or(most),
            files: i64::try_from(files).unwrap_or(most).min(most),
            counted: None,
            was_asked: false,
        }
    }

    /// Tokens of the question: counted, or about a quarter of its bytes and what its files have.
    pub fn tokens(&self) -> i64 {
        self.counted.unwrap_or(self.bytes / 4 + self.files)
    }

    /// Has the provider count, if it can. Says whether the count is known now and was not before.
    pub async fn count(&mut self, gateway: &Gateway, server: ServerId, provider: &Provider, request: &Request) -> bool {
        if std::mem::replace(&mut self.was_asked, true) || !provider.counts_tokens() {
            return false;
        }
        let (provider, _counted) = providers::count(gateway, server, provider.clone());
        let counted = provider.count_tokens(&gateway.models.client, request).await;
        self.counted = counted.and_then(|counted| i64::try_from(counted).ok());
        self.counted.is_some()
    }

    /// Whether question and answer may come near what the model reads at most. Some languages have more tokens in a byte
    /// than ours, so here it is rather too many than too few.
    pub fn is_near(&self, window: Option<u64>, max_tokens: u32) -> bool {
        let Some(window) = window.and_then(|window| i64::try_from(window).ok()) else { return false };
        let most = (self.bytes * 2 / 7 + self.files).saturating_add(max_tokens.into());
        most.saturating_mul(100) >= window.saturating_mul(NEAR)
    }

    /// How long the answer may be, so that both fit; `None` if it would be too short. Without a count the provider
    /// decides.
    pub fn room(&self, window: Option<u64>, max_tokens: u32) -> Option<u32> {
        let (Some(counted), Some(window)) = (self.counted, window) else { return Some(max_tokens) };
        let left = i64::try_from(window).unwrap_or(i64::MAX).saturating_sub(counted).max(0);
        let room = u32::try_from(left).unwrap_or(u32::MAX).min(max_tokens);
        (room >= max_tokens.min(LEAST_ANSWER)).then_some(room)
    }
}

/// Bytes of what the model reads, near enough for an estimate. Those of files are not among them: they weigh what is read
/// of them.
fn bytes(request: &Request) -> usize {
    let mut counter = Counter(0);
    let _ = serde_json::to_writer(&mut counter, request);
    counter.0
}

struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_gets_what_is_left_of_the_window_and_none_that_is_no_use() {
        let size = |counted| Size { bytes: 70_000, files: 0, counted, was_asked: false };
        for (window, most, expected) in [(35_000, 4000, false), (34_000, 4000, true), (20_000, 4000, true)] {
            assert_eq!(size(None).is_near(Some(window), most), expected, "{window}");
        }
        assert!(!size(None).is_near(None, 4000), "nobody knows the window");
        for (counted, most, expected) in [
            (None, 4000, Some(4000)),
            (Some(10_000), 4000, Some(4000)),
            (Some(18_000), 4000, Some(2000)),
            (Some(18_976), 4000, Some(1024)),
            (Some(18_977), 4000, None),
            (Some(18_977), 500, Some(500)),
            (Some(21_000), 500, None),
        ] {
            assert_eq!(size(counted).room(Some(20_000), most), expected, "{counted:?} {most}");
        }
    }

    #[test]
    fn files_weigh_what_is_read_of_them_until_the_provider_counts() {
        let size = |counted| Size { bytes: 4000, files: 5000, counted, was_asked: false };
        assert_eq!((size(None).tokens(), size(Some(10)).tokens()), (6000, 10));
        assert!(size(None).is_near(Some(9000), 200));
        assert!(!size(None).is_near(Some(10_000), 200));
    }
}
