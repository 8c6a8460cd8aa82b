//! Hashing of passwords: `bcrypt(base64(HMAC-SHA-384(pepper, password)))`, in a bounded number of threads.
//!
//! bcrypt looks at 72 bytes and no more. The keyed digest is 64 characters, so every byte of every password counts,
//! and a stolen database cannot be attacked without the pepper, which stands elsewhere.

use ally_types::seal::Key;
use ally_types::{Chance, Problem, Secret, chance};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The name of this way of hashing, kept beside each hash.
pub(crate) const SCHEME: &str = "bcrypt-hmac384-v1";

/// How many may wait for each thread. Beyond that an answer would come after the person has given up.
const WAITING_PER_THREAD: usize = 16;

/// A kept hash.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hashed(pub(crate) String);

/// Makes and compares hashes.
pub(crate) struct Hasher {
    pepper: hmac::Key,
    cost: u32,
    chance: Arc<dyn Chance>,
    threads: Arc<Semaphore>,
    most_waiting: usize,
    waiting: AtomicUsize,
    made: Arc<AtomicU64>,
    /// Well formed, and the hash of nothing anybody knows: what a password is compared with when there is no account.
    nobody: Hashed,
}

impl Hasher {
    /// `cost` is bcrypt's: 12 in production, 4 in tests.
    pub(crate) fn new(pepper: &Key, cost: u32, chance: Arc<dyn Chance>) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        // All dots are zero bits: no known password hashes to them under an unknown pepper, and making it costs nothing.
        let nobody = Hashed(format!("$2b${cost:02}${}", ".".repeat(53)));
        Self {
            pepper: hmac::Key::new(hmac::HMAC_SHA384, pepper.expose()),
            cost,
            chance,
            threads: Arc::new(Semaphore::new(threads)),
            most_waiting: threads * WAITING_PER_THREAD,
            waiting: AtomicUsize::new(0),
            made: Arc::default(),
            nobody,
        }
    }

    /// How many bcrypt computations were made since the start. Tests count them instead of measuring times.
    pub(crate) fn made(&self) -> u64 {
        self.made.load(Ordering::SeqCst)
    }

    /// How many wait for a thread.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Takes all threads, so that everybody waits until the answer is dropped.
    pub(crate) async fn hold(&self) -> Option<OwnedSemaphorePermit> {
        let all = u32::try_from(self.most_waiting / WAITING_PER_THREAD).ok()?;
        Arc::clone(&self.threads).acquire_many_owned(all).await.ok()
    }

    /// Hashes a new password.
    pub(crate) async fn hash(&self, password: &Secret) -> Result<Hashed, Problem> {
        let keyed = self.keyed(password);
        let (cost, salt) = (self.cost, chance::bytes::<16>(self.chance.as_ref()));
        let made = self.run(move || bcrypt::hash_with_salt(keyed.expose(), cost, salt)).await?;
        made.map(|parts| Hashed(parts.format_for_version(bcrypt::Version::TwoB))).map_err(|_| Problem::internal())
    }

    /// Compares a password with a kept hash, or with nobody's when there is none: it is one computation each time.
    pub(crate) async fn verify(&self, password: &Secret, kept: Option<&Hashed>) -> Result<bool, Problem> {
        let keyed = self.keyed(password);
        let hash = kept.unwrap_or(&self.nobody).0.clone();
        let is_same = self.run(move || bcrypt::verify(keyed.expose(), &hash)).await?.unwrap_or(false);
        Ok(is_same && kept.is_some())
    }

    /// Whether a kept hash was made with another cost than today's.
    pub(crate) fn is_outdated(&self, kept: &Hashed) -> bool {
        !kept.0.starts_with(&format!("$2b${:02}$", self.cost))
    }

    fn keyed(&self, password: &Secret) -> Secret {
        let normal = super::normal(password);
        Secret::new(STANDARD.encode(hmac::sign(&self.pepper, normal.expose().as_bytes())))
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let place = Place::take(self).ok_or_else(busy)?;
        let permit = Arc::clone(&self.threads).acquire_owned().await.map_err(|_| busy())?;
        drop(place);
        let made = Arc::clone(&self.made);
        // The permit moves along: a person who goes away does not make room before the thread is free.
        let run = tokio::task::spawn_blocking(move || {
            made.fetch_add(1, Ordering::SeqCst);
            let result = work();
            drop(permit);
            result
        });
        run.await.map_err(|_| Problem::internal())
    }
}

/// A place in the queue, given back when dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(hasher: &'a Hasher) -> Option<Self> {
        let before = hasher.waiting.fetch_add(1, Ordering::SeqCst);
        let place = Self(&hasher.waiting);
        (before < hasher.most_waiting).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn busy() -> Problem {
    Problem::new(503, "busy", "Too many people are signing in right now.")
        .next("Wait a few seconds, then try again.")
        .retry_after(3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_types::SystemChance;

    fn hasher(cost: u32) -> Hasher {
        Hasher::new(&Key::from_bytes([7; 32]), cost, Arc::new(SystemChance))
    }

    #[tokio::test]
    async fn every_byte_of_a_password_counts() {
        let hasher = hasher(4);
        for (password, other) in [
            ("a".repeat(72), format!("{}zzz", "a".repeat(72))),
            ("ab\0XXXXXXXXXX".to_owned(), "ab\0cdefghijkl".to_owned()),
            ("🦊".repeat(64), format!("{}🐢", "🦊".repeat(63))),
            ("trailing space ".to_owned(), "trailing space".to_owned()),
            ("Upper Case Word".to_owned(), "upper case word".to_owned()),
        ] {
            let (password, other) = (Secret::new(password), Secret::new(other));
            let hash = hasher.hash(&password).await.expect("hashed");
            assert!(hash.0.starts_with("$2b$04$"));
            assert_eq!(hasher.verify(&password, Some(&hash)).await, Ok(true));
            assert_eq!(hasher.verify(&other, Some(&hash)).await, Ok(false));
        }
    }

    #[tokio::test]
    async fn the_same_letters_from_another_keyboard_are_the_same_password() {
        let hasher = hasher(4);
        let hash = hasher.hash(&Secret::new("mañana será otro día")).await.expect("hashed");
        let other = Secret::new("man\u{303}ana sera\u{301} otro di\u{301}a");
        assert_eq!(hasher.verify(&other, Some(&hash)).await, Ok(true));
    }

    #[tokio::test]
    async fn nobody_has_a_password_and_it_costs_one_computation_to_learn_that() {
        let hasher = hasher(4);
        for password in ["", "x", "a long pass phrase"] {
            let before = hasher.made();
            assert_eq!(hasher.verify(&Secret::new(password), None).await, Ok(false));
            assert_eq!(hasher.made() - before, 1);
        }
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_or_pepper_is_told_apart() {
        let hash = hasher(4).hash(&Secret::new("a long pass phrase")).await.expect("hashed");
        assert!(!hasher(4).is_outdated(&hash));
        assert!(hasher(5).is_outdated(&hash));
        let other = Hasher::new(&Key::from_bytes([8; 32]), 4, Arc::new(SystemChance));
        assert_eq!(other.verify(&Secret::new("a long pass phrase"), Some(&hash)).await, Ok(false));
    }

    #[tokio::test]
    async fn a_full_queue_answers_busy_instead_of_growing() {
        let hasher = hasher(4);
        let places: Vec<_> = std::iter::from_fn(|| Place::take(&hasher)).take(10_000).collect();
        assert_eq!(places.len(), hasher.most_waiting);
        let refused = hasher.verify(&Secret::new("x"), None).await.expect_err("the queue is full");
        assert_eq!((refused.status, refused.retry_after), (503, Some(3)));
        drop(places);
        assert_eq!(hasher.verify(&Secret::new("x"), None).await, Ok(false));
    }
}
