//! Which AI provider answers: the person's own key, or what the installation has.

pub mod http;
pub mod store;

use crate::app::App;
use crate::fault::Done;
use crate::gateway::{LocalServer, Provided};
use crate::messages;
use crate::owner::Owner;
use ally_store::Tx;
use ally_types::{MessageId, Problem, Sealed, Secret};
use serde::Serialize;

/// Where the sealed key is kept; it opens nowhere else.
const PLACE: &str = "settings/provider_key";

/// The provider that answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Provider {
    /// Whether a model can be called.
    pub connected: bool,
    /// `own_key`, `installation`, `environment` or `local`.
    pub source: Option<String>,
    /// `anthropic` or `openai_compatible`.
    pub provider: Option<String>,
    /// The model's name, if it is known.
    pub model: Option<String>,
    /// Model servers that were found on this machine.
    pub local: Vec<LocalServer>,
}

/// What answers now.
pub async fn current(app: &App) -> Done<Provider> {
    let has_own = own_key(app).await?.is_some();
    let provided = app.gateway().provided().await;
    let Provided { connected, source, provider, model, local } = match (provided, has_own) {
        (Ok(provided), _) => provided,
        (Err(_), true) => Provided::default(),
        (Err(fault), false) => return Err(fault),
    };
    if !has_own {
        return Ok(Provider { connected, source, provider, model, local });
    }
    let is_anthropic = provider.as_deref() == Some("anthropic");
    Ok(Provider {
        connected: true,
        source: Some("own_key".to_owned()),
        provider: Some("anthropic".to_owned()),
        model: model.filter(|_| is_anthropic),
        local,
    })
}

/// Tries a key out and keeps it, sealed with the key of this server.
pub async fn set_key(app: &App, owner: Owner, key: Secret) -> Done<()> {
    let key = Secret::new(key.expose().trim());
    if key.is_empty() {
        return Err(Problem::new(422, "provider_key_malformed", "There is no key in this.")
            .at("key")
            .next("Copy the whole key from the provider's page and paste it again.")
            .into());
    }
    app.gateway().test_key(&key).await?;
    let sealed: Sealed<Secret> = app.key().seal(app.chance(), PLACE, key.expose().as_bytes());
    let now = app.clock().now();
    app.store().write(move |tx| store::put(tx, "provider_key", &sealed, owner.account, now)).await
}

/// Forgets the person's own key.
pub async fn forget_key(app: &App) -> Done<()> {
    app.store().write(|tx| store::remove(tx, "provider_key")).await
}

/// The person's own key, opened for one call.
pub async fn own_key(app: &App) -> Done<Option<Secret>> {
    let inner = app.clone();
    app.store().read(move |tx| own_key_of_rows(tx, &inner)).await
}

/// The same in a transaction that is open.
pub fn own_key_of_rows(tx: &Tx, app: &App) -> Done<Option<Secret>> {
    let Some(sealed) = store::get::<Secret>(tx, "provider_key")? else { return Ok(None) };
    let opened = app.key().open(PLACE, &sealed).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    if opened.is_none() {
        ally_types::log::error("the provider key could not be opened", &[]);
    }
    Ok(opened.map(Secret::new))
}

/// Refuses to answer a message again that needs a model while there is still none.
pub async fn must_be_connected(app: &App, question: MessageId) -> Done<()> {
    let answer = app
        .store()
        .read(move |tx| match messages::store::answer_to(tx, question)? {
            Some(answer) => messages::store::get(tx, answer),
            None => Ok(None),
        })
        .await?;
    if answer.is_none_or(|answer| !answer.needs_model) || current(app).await?.connected {
        return Ok(());
    }
    Err(Problem::new(409, "no_provider", "No AI provider is connected yet.")
        .next("Open Settings, AI provider, and connect one. Your message is saved.")
        .into())
}
