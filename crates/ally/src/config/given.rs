//! What can be said about the configuration, and where: a flag, a variable of the environment, a line of `ally.toml`.

use super::{ConfigError, Environment};
use ally_gateway::Allowance;
use clap::Args;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What can be said on the command line. Every field is optional: what is not said comes from elsewhere.
#[derive(Debug, Default, Clone, Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Given {
    /// Where everything is kept (`ALLY_DATA_DIR`, default ./ally-data)
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// Address and port to listen on (`ALLY_LISTEN`, default 127.0.0.1:8080)
    #[arg(long)]
    pub listen: Option<String>,
    /// The address people type into their browser (`ALLY_PUBLIC_URL`)
    #[arg(long)]
    pub public_url: Option<String>,
    /// Who may make an account after the first: closed, invite or open (`ALLY_SIGN_UP`)
    #[arg(long)]
    pub sign_up: Option<String>,
    /// The platform's database, sqlite: or postgres: (`ALLY_DATABASE_URL`)
    #[arg(long)]
    pub database_url: Option<String>,
    /// Directory with the two root keys, if not in the data directory (`ALLY_SECRET_KEY_FILE`)
    #[arg(long)]
    pub secret_key_file: Option<PathBuf>,
    /// An assistant sleeps after so many idle seconds (`ALLY_IDLE_EXIT_SECONDS`, default 45)
    #[arg(long)]
    pub idle_exit_seconds: Option<u64>,
    /// Refuse to start below this isolation: none, user_namespace, own_user or full (`ALLY_REQUIRE_SANDBOX`)
    #[arg(long)]
    pub require_sandbox: Option<String>,
    /// Mebibytes of memory that one person's assistant may use (`ALLY_MEMORY_LIMIT_MB`, default 256)
    #[arg(long)]
    pub memory_limit_mb: Option<u64>,
    /// Mebibytes of disk that one person's files and chats may take (`ALLY_DISK_QUOTA_MB`, default 10240)
    #[arg(long)]
    pub disk_quota_mb: Option<u64>,
    /// yes: without HTTPS beyond this machine too, where everybody on the way can read (`ALLY_ALLOW_PLAIN_HTTP`)
    #[arg(long)]
    pub allow_plain_http: Option<String>,
    /// Addresses of proxies whose X-Forwarded-For counts, separated by commas (`ALLY_TRUSTED_PROXIES`)
    #[arg(long)]
    pub trusted_proxies: Option<String>,
    /// Where Anthropic's API is (`ANTHROPIC_BASE_URL`)
    #[arg(long)]
    pub anthropic_base_url: Option<String>,
    /// Which of Anthropic's models answers (`ANTHROPIC_MODEL`)
    #[arg(long)]
    pub anthropic_model: Option<String>,
    /// Places in the house that assistants may call, host:port with commas (`ALLY_EGRESS_PRIVATE`)
    #[arg(long)]
    pub egress_private: Option<String>,
    /// A model server that speaks OpenAI's protocol (`ALLY_LOCAL_MODEL_URL`)
    #[arg(long)]
    pub local_model_url: Option<String>,
    /// Seconds that a model may take to begin its answer (`ALLY_MODEL_FIRST_TOKEN_SECONDS`, default 90)
    #[arg(long)]
    pub model_first_token_seconds: Option<u64>,
    /// Seconds that a model may pause in an answer (`ALLY_MODEL_STALL_SECONDS`, default 60)
    #[arg(long)]
    pub model_stall_seconds: Option<u64>,
    /// The plan of everybody who was given no other (`ALLY_DEFAULT_PLAN`)
    #[arg(long)]
    pub default_plan: Option<String>,
    /// Tokens that everybody together may use in a day (`ALLY_DAILY_TOKEN_CEILING`)
    #[arg(long)]
    pub daily_token_ceiling: Option<u64>,
    /// What each plan allows; a table, so only `ally.toml` can say it.
    #[arg(skip)]
    pub plans: BTreeMap<String, Allowance>,
    /// How much is logged: error, warn, info, debug or trace (`ALLY_LOG`)
    #[arg(long)]
    pub log: Option<String>,
}

/// What the environment says.
pub(super) fn from_environment(environment: &Environment) -> Result<Given, ConfigError> {
    let get = |name: &str| environment.get(name).filter(|value| !value.is_empty()).cloned();
    let number = |name: &str, example: &str| match get(name).map(|text| text.parse()) {
        Some(Ok(number)) => Ok(Some(number)),
        Some(Err(_)) => Err(ConfigError::new(format!("{name} is not a whole number."), example)),
        None => Ok(None),
    };
    Ok(Given {
        data_dir: get("ALLY_DATA_DIR").map(PathBuf::from),
        listen: get("ALLY_LISTEN"),
        public_url: get("ALLY_PUBLIC_URL"),
        sign_up: get("ALLY_SIGN_UP"),
        database_url: get("ALLY_DATABASE_URL"),
        secret_key_file: get("ALLY_SECRET_KEY_FILE").map(PathBuf::from),
        idle_exit_seconds: number("ALLY_IDLE_EXIT_SECONDS", "Write 45, or 0 for never.")?,
        require_sandbox: get("ALLY_REQUIRE_SANDBOX"),
        memory_limit_mb: number("ALLY_MEMORY_LIMIT_MB", "Write 256.")?,
        disk_quota_mb: number("ALLY_DISK_QUOTA_MB", "Write 10240.")?,
        allow_plain_http: get("ALLY_ALLOW_PLAIN_HTTP"),
        trusted_proxies: get("ALLY_TRUSTED_PROXIES"),
        anthropic_base_url: get("ANTHROPIC_BASE_URL"),
        anthropic_model: get("ANTHROPIC_MODEL"),
        egress_private: get("ALLY_EGRESS_PRIVATE"),
        local_model_url: get("ALLY_LOCAL_MODEL_URL"),
        model_first_token_seconds: number("ALLY_MODEL_FIRST_TOKEN_SECONDS", "Write 90.")?,
        model_stall_seconds: number("ALLY_MODEL_STALL_SECONDS", "Write 60.")?,
        default_plan: get("ALLY_DEFAULT_PLAN"),
        daily_token_ceiling: number("ALLY_DAILY_TOKEN_CEILING", "Write 5000000.")?,
        plans: BTreeMap::new(),
        log: get("ALLY_LOG"),
    })
}

impl Given {
    /// What is given here, and where nothing is, what is given there.
    #[must_use]
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            data_dir: self.data_dir.or(other.data_dir),
            listen: self.listen.or(other.listen),
            public_url: self.public_url.or(other.public_url),
            sign_up: self.sign_up.or(other.sign_up),
            database_url: self.database_url.or(other.database_url),
            secret_key_file: self.secret_key_file.or(other.secret_key_file),
            idle_exit_seconds: self.idle_exit_seconds.or(other.idle_exit_seconds),
            require_sandbox: self.require_sandbox.or(other.require_sandbox),
            memory_limit_mb: self.memory_limit_mb.or(other.memory_limit_mb),
            disk_quota_mb: self.disk_quota_mb.or(other.disk_quota_mb),
            allow_plain_http: self.allow_plain_http.or(other.allow_plain_http),
            trusted_proxies: self.trusted_proxies.or(other.trusted_proxies),
            anthropic_base_url: self.anthropic_base_url.or(other.anthropic_base_url),
            anthropic_model: self.anthropic_model.or(other.anthropic_model),
            egress_private: self.egress_private.or(other.egress_private),
            local_model_url: self.local_model_url.or(other.local_model_url),
            model_first_token_seconds: self.model_first_token_seconds.or(other.model_first_token_seconds),
            model_stall_seconds: self.model_stall_seconds.or(other.model_stall_seconds),
            default_plan: self.default_plan.or(other.default_plan),
            daily_token_ceiling: self.daily_token_ceiling.or(other.daily_token_ceiling),
            plans: if self.plans.is_empty() { other.plans } else { self.plans },
            log: self.log.or(other.log),
        }
    }
}
