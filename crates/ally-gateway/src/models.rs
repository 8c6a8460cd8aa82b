//! The model gateway: which provider answers for whom, and what that counts against.

pub mod admin;
pub mod bill;
pub mod counters;
mod gather;
pub mod http;
pub mod installation;
pub mod limits;
pub mod own;
pub mod own_keys;
pub mod plans;
mod size;
pub mod totals;

use crate::gateway::Limits;
use ally_llm::windows::Listed;
use ally_llm::{Budgets, Provider, anthropic, local, openai_compatible};
use ally_store::StoreError;
use ally_types::seal::Key;
use ally_types::{Chance, Clock, Secret, ServerId, log};
use counters::Counters;
use installation::{Installation, Local};
use own_keys::OwnKeys;
use plans::{Assigned, Plans};
use serde::Serialize;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// So long may looking for model servers on this machine take.
const LOOKS_FOR: Duration = Duration::from_millis(300);

/// So long may a model server take to list its models.
const LISTS_WITHIN: Duration = Duration::from_secs(5);

/// How providers are reached, where that is not the usual way.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Another address of Anthropic.
    pub base_url: Option<String>,
    /// Another of its models.
    pub model: Option<String>,
    /// How long silence is accepted, of every provider. What is as usual leaves each with its own.
    pub budgets: Budgets,
}

impl Reach {
    /// Anthropic's address.
    pub fn address(&self) -> &str {
        self.base_url.as_deref().unwrap_or(anthropic::BASE_URL)
    }

    /// The configuration of a model server at home with this patience.
    pub fn at_home(&self, mut config: openai_compatible::Config) -> openai_compatible::Config {
        config.budgets = self.patience(config.budgets);
        config
    }

    /// What the operator said, and the provider's own where nothing was said: a model at home may have to be read from
    /// a slow disk first.
    fn patience(&self, own: Budgets) -> Budgets {
        let usual = Budgets::default();
        let said = |said, usual, own| if said == usual { own } else { said };
        Budgets {
            first_token: said(self.budgets.first_token, usual.first_token, own.first_token),
            stall: said(self.budgets.stall, usual.stall, own.stall),
        }
    }

    /// The configuration with this address, model and patience.
    pub fn with(&self, mut config: anthropic::Config) -> anthropic::Config {
        if let Some(base_url) = &self.base_url {
            config.base_url.clone_from(base_url);
        }
        if let Some(model) = &self.model {
            config.model.clone_from(model);
        }
        config.budgets = self.patience(config.budgets);
        config
    }
}

/// Whose account pays for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payer {
    /// The person: her own key.
    Person,
    /// Whoever runs the installation: these calls are counted.
    Installation,
    /// Nobody: a model at home, or a built-in command.
    Nobody,
}

/// Where the provider that the gateway has by itself comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The administrator pasted a key.
    Installation,
    /// The environment has one.
    Environment,
    /// A model server of one's own.
    Local,
}

/// What the gateway has by itself.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Shown {
    /// Whether a model can answer.
    pub connected: bool,
    /// Where it comes from.
    pub source: Option<Source>,
    /// Which adapter.
    pub provider: Option<&'static str>,
    /// Which model.
    pub model: Option<String>,
    /// Model servers found on this machine.
    #[schema(value_type = Vec<Object>)]
    pub local: Vec<local::Found>,
}

/// What [`Models::open`] needs.
pub(crate) struct Opening<'a> {
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub client: reqwest::Client,
    pub environment: Option<Provider>,
    pub local_model_url: Option<String>,
    pub anthropic: Reach,
    pub directory: &'a Path,
    pub sealing: Key,
    pub our_port: Option<u16>,
    pub plans: Plans,
    pub limits: Limits,
}

/// Everything about models.
pub(crate) struct Models {
    pub client: reqwest::Client,
    pub reach: Reach,
    pub installation: Installation,
    pub counters: Counters,
    pub own_keys: OwnKeys,
    pub plans: Assigned,
    pub limits: Limits,
    pub local_model_url: Option<String>,
    environment: Option<Provider>,
    our_port: Option<u16>,
    /// The first model of the operator's own server, once it was asked for.
    first_model: Mutex<Option<Listed>>,
    calls: Mutex<HashMap<ServerId, usize>>,
    /// How many calls are not settled yet.
    unsettled: watch::Sender<usize>,
}

impl Models {
    pub fn open(opening: Opening<'_>) -> Result<Self, StoreError> {
        let counters = Counters::open(opening.directory, opening.clock.now())?;
        Ok(Self {
            own_keys: OwnKeys::new(counters.store(), &opening.sealing),
            plans: Assigned::open(opening.plans, counters.store())?,
            counters,
            installation: Installation::open(opening.directory, opening.sealing, opening.chance),
            client: opening.client,
            reach: opening.anthropic,
            limits: opening.limits,
            local_model_url: opening.local_model_url.filter(|url| !url.is_empty()),
            environment: opening.environment,
            our_port: opening.our_port,
            first_model: Mutex::new(None),
            calls: Mutex::new(HashMap::new()),
            unsettled: watch::Sender::new(0),
        })
    }

    /// Who answers a call: her own key, else the installation's, else a local model, else built-in commands.
    pub async fn choose(&self, own: Option<Secret>) -> (Provider, Payer) {
        if let Some(key) = own {
            return (self.anthropic(key), Payer::Person);
        }
        match self.by_itself().await {
            Some((provider, Source::Local)) => (provider, Payer::Nobody),
            Some((provider, _)) => (provider, Payer::Installation),
            None => (Provider::BuiltIn, Payer::Nobody),
        }
    }

    /// The provider that the gateway has without anybody's own key.
    async fn by_itself(&self) -> Option<(Provider, Source)> {
        if let Some((key, found)) = self.installation.key() {
            let mut config = anthropic::Config::new(key);
            if let (Some(found), None) = (found, &self.reach.model) {
                (config.model, config.window) = (found.name, found.window);
            }
            let config = self.reach.with(config);
            return Some((Provider::Anthropic(config), Source::Installation));
        }
        if let Some(provider) = &self.environment {
            return Some((provider.clone(), Source::Environment));
        }
        let local = match self.installation.local() {
            Some(local) => local,
            None => {
                let first = self.first_model().await;
                let (model, window) = first.map(|first| (first.name, first.window)).unwrap_or_default();
                Local { url: self.local_model_url.clone()?, model, window }
            }
        };
        let mut config = self.reach.at_home(openai_compatible::Config::new(local.url, local.model));
        config.window = local.window;
        Some((Provider::OpenAiCompatible(config), Source::Local))
    }

    /// The address of the provider that the gateway has without anybody's own key; the one that [`Self::by_itself`]
    /// would choose.
    pub fn address(&self) -> Option<String> {
        if self.installation.key().is_some() {
            return Some(self.reach.address().to_owned());
        }
        if let Some(provider) = &self.environment {
            return provider.address().map(str::to_owned);
        }
        self.installation.local().map(|local| local.url).or_else(|| self.local_model_url.clone())
    }

    pub fn anthropic(&self, key: Secret) -> Provider {
        Provider::Anthropic(self.reach.with(anthropic::Config::new(key)))
    }

    /// The operator named a server, not a model: its first one. Asked for again until it has answered once.
    async fn first_model(&self) -> Option<Listed> {
        let known = self.first_model.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if known.is_some() {
            return known;
        }
        let first = self.list(self.local_model_url.as_ref()?).await.and_then(|models| models.into_iter().next());
        if first.is_some() {
            self.first_model.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&first);
        }
        first
    }

    /// The models of a server that speaks the chat completions format.
    pub async fn list(&self, url: &str) -> Option<Vec<Listed>> {
        openai_compatible::models(&self.client, &openai_compatible::Config::new(url, ""), LISTS_WITHIN).await.ok()
    }

    /// What a person or an administrator is shown. Servers on this machine are only looked for while no account with
    /// a provider is connected.
    pub async fn shown(&self) -> Shown {
        let by_itself = self.by_itself().await;
        let wants_local = !matches!(by_itself, Some((_, Source::Installation | Source::Environment)));
        let local = if wants_local && self.limits.looks_for_local_models {
            local::find(&self.client, LOOKS_FOR, self.our_port).await
        } else {
            Vec::new()
        };
        let (provider, source) = by_itself.unzip();
        Shown {
            connected: provider.is_some(),
            source,
            provider: provider.as_ref().map(Provider::name),
            model: provider.map(|provider| provider.model().to_owned()).filter(|model| !model.is_empty()),
            local,
        }
    }

    /// Counts one more call of this server; `false` when it has too many.
    fn enter(&self, server: ServerId) -> bool {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let count = calls.entry(server).or_default();
        let may = *count < self.limits.calls;
        *count += usize::from(may);
        may
    }

    fn leave(&self, server: ServerId) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = calls.get_mut(&server) {
            *count -= 1;
            if *count == 0 {
                calls.remove(&server);
            }
        }
    }

    /// Waits until every call is settled, and gives back what is kept for the next ones.
    pub async fn settled(&self) {
        let _ = self.unsettled.subscribe().wait_for(|count| *count == 0).await;
        if self.counters.let_all_go().await.is_err() {
            log::warn("tokens that were kept for the next calls could not be given back", &[]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_says_of_patience_holds_for_every_provider_and_silence_leaves_each_its_own() {
        let seconds = Duration::from_secs;
        let budgets = |reach: &Reach| {
            let claude = reach.with(anthropic::Config::new(Secret::new("k"))).budgets;
            (claude, reach.at_home(openai_compatible::Config::new("http://127.0.0.1:9", "m")).budgets)
        };
        let (claude, home) = budgets(&Reach::default());
        assert_eq!(claude, Budgets { first_token: seconds(90), stall: seconds(60) });
        assert_eq!(home, Budgets { first_token: seconds(300), stall: seconds(60) });
        let said = Budgets { first_token: seconds(5), stall: seconds(7) };
        assert_eq!(budgets(&Reach { budgets: said, ..Reach::default() }), (said, said));
        let half = Budgets { stall: seconds(7), ..Budgets::default() };
        let (_, home) = budgets(&Reach { budgets: half, ..Reach::default() });
        assert_eq!(home, Budgets { first_token: seconds(300), stall: seconds(7) });
    }
}
