//! Which keys for a provider a person has connected herself. Only these leave with her assistant's questions.
//!
//! A key is kept sealed on her own server, and comes along with each question. Whoever has her assistant in hand could
//! bring another one, and so carry her data into an account of their own at an address that is always open. So the
//! gateway, through which the browser pastes a key, keeps a keyed hash of it, and takes no other. It holds no key.

use ally_store::{OptionalExtension as _, Store, StoreError, params};
use ally_types::seal::Key;
use ally_types::{Secret, ServerId, Timestamp};
use ring::hmac;

/// A person has one key. More marks than that are there only while one takes the place of another.
const MOST: u32 = 4;

/// Everybody's marks.
pub(crate) struct OwnKeys {
    store: Store,
    marking: hmac::Key,
}

impl OwnKeys {
    /// Keeps them in `store`. `secret` is a key of the gateway's; another one is made of it.
    pub fn new(store: Store, secret: &Key) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        let own = hmac::sign(&secret, b"marks of people's own provider keys");
        Self { store, marking: hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()) }
    }

    /// What is kept of a key: worth nothing on another server, and to nobody without the gateway's secret.
    fn mark(&self, server: ServerId, key: &Secret) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.marking);
        context.update(server.to_string().as_bytes());
        context.update(b" ");
        context.update(key.expose().as_bytes());
        context.sign().as_ref().to_vec()
    }

    /// Whether she has connected this key.
    pub async fn is_known(&self, server: ServerId, key: &Secret) -> Result<bool, StoreError> {
        let (server, mark) = (server.to_string(), self.mark(server, key));
        self.store
            .read(move |tx| {
                let mut find = tx.prepare_cached("SELECT 1 FROM own_keys WHERE server = ?1 AND mark = ?2")?;
                Ok(find.query_row(params![server, mark], |_| Ok(())).optional()?.is_some())
            })
            .await
    }

    /// She has pasted this key. Says whether it was not known before.
    pub async fn add(&self, server: ServerId, key: &Secret, now: Timestamp) -> Result<bool, StoreError> {
        let (server, mark) = (server.to_string(), self.mark(server, key));
        self.store
            .write_apart(move |tx| {
                let added = tx.execute(
                    "INSERT INTO own_keys (server, mark, since) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                    params![server, mark, now.as_millis()],
                )?;
                tx.execute(
                    "DELETE FROM own_keys WHERE server = ?1 AND mark <> ?2 AND mark NOT IN
                 (SELECT mark FROM own_keys WHERE server = ?1 ORDER BY since DESC LIMIT ?3)",
                    params![server, mark, MOST],
                )?;
                Ok(added > 0)
            })
            .await
    }

    /// This key is hers from now on, and no other.
    pub async fn keep_only(&self, server: ServerId, key: &Secret) -> Result<(), StoreError> {
        let (server, mark) = (server.to_string(), self.mark(server, key));
        self.store
            .write_apart(move |tx| {
                tx.execute("DELETE FROM own_keys WHERE server = ?1 AND mark <> ?2", params![server, mark])?;
                Ok(())
            })
            .await
    }

    /// This key was not taken.
    pub async fn remove(&self, server: ServerId, key: &Secret) -> Result<(), StoreError> {
        let (server, mark) = (server.to_string(), self.mark(server, key));
        self.store
            .write_apart(move |tx| {
                tx.execute("DELETE FROM own_keys WHERE server = ?1 AND mark = ?2", params![server, mark])?;
                Ok(())
            })
            .await
    }

    /// She has no key any more.
    pub async fn remove_all(&self, server: ServerId) -> Result<(), StoreError> {
        let server = server.to_string();
        self.store
            .write_apart(move |tx| {
                tx.execute("DELETE FROM own_keys WHERE server = ?1", params![server])?;
                Ok(())
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::counters::Counters;
    use ally_types::SystemChance;
    use ally_types::time::StandingClock;

    #[tokio::test]
    async fn a_key_is_known_only_on_the_server_where_it_was_pasted_and_to_this_gateway() {
        let directory = tempfile::tempdir().expect("a directory");
        let now = Timestamp::from_millis(1_763_700_000_000);
        let store = Counters::open(directory.path(), now).expect("opens").store();
        let keys = OwnKeys::new(store.clone(), &Key::from_bytes([1; 32]));
        let [mira, jon] = [(); 2].map(|()| ServerId::new(&StandingClock::at(now), &SystemChance));
        let key = |text: &str| Secret::new(text);
        assert!(keys.add(mira, &key("a"), now).await.expect("writes"));
        assert!(!keys.add(mira, &key("a"), now).await.expect("writes"), "she pasted it again");
        let known = async |keys: &OwnKeys, server, text: &str| keys.is_known(server, &key(text)).await.expect("reads");
        assert!(known(&keys, mira, "a").await);
        assert!(!known(&keys, jon, "a").await && !known(&keys, mira, "b").await && !known(&keys, mira, "").await);
        assert!(!known(&OwnKeys::new(store, &Key::from_bytes([2; 32])), mira, "a").await);
        keys.add(mira, &key("b"), now.plus_millis(1)).await.expect("writes");
        keys.keep_only(mira, &key("b")).await.expect("writes");
        assert!(known(&keys, mira, "b").await && !known(&keys, mira, "a").await);
        for number in 0..100 {
            keys.add(mira, &key(&number.to_string()), now.plus_millis(2 + number)).await.expect("writes");
        }
        assert!(known(&keys, mira, "99").await && !known(&keys, mira, "90").await, "only the last few are kept");
        keys.remove(mira, &key("99")).await.expect("writes");
        assert!(!known(&keys, mira, "99").await && known(&keys, mira, "98").await);
        keys.remove_all(mira).await.expect("writes");
        assert!(!known(&keys, mira, "98").await);
    }
}
