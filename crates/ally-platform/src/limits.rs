//! How often each route may be asked: per address, per account and in total.

use crate::platform::App;
use crate::security::Peer;
use ally_http::Answer;
use ally_http::limit::{Limiter, Rate};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;

/// The rates of one kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// For one address; an IPv6 network of /64 counts as one.
    pub address: Rate,
    /// For one account, from wherever it is tried. Loose, so that nobody can lock another person out.
    pub account: Rate,
    /// For the whole installation.
    pub global: Rate,
}

/// All rates. They are configuration; the defaults suit a household as well as a public service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Signing up.
    pub sign_up: Rates,
    /// Signing in, and changing the password.
    pub sign_in: Rates,
    /// Trying the token of an invitation.
    pub token: Rates,
    /// All other routes.
    pub ordinary: Rates,
}

const SECOND: u32 = 1_000;
const MINUTE: u32 = 60 * SECOND;

impl Default for Limits {
    fn default() -> Self {
        Self {
            sign_up: Rates {
                address: Rate { burst: 10, refill_millis: 6 * MINUTE },
                account: Rate { burst: 10, refill_millis: 6 * MINUTE },
                global: Rate { burst: 100, refill_millis: 2 * SECOND },
            },
            sign_in: Rates {
                address: Rate { burst: 5, refill_millis: 20 * SECOND },
                account: Rate { burst: 30, refill_millis: 2 * SECOND },
                global: Rate { burst: 200, refill_millis: 50 },
            },
            token: Rates {
                address: Rate { burst: 10, refill_millis: MINUTE },
                account: Rate { burst: 10, refill_millis: MINUTE },
                global: Rate { burst: 200, refill_millis: SECOND },
            },
            ordinary: Rates {
                address: Rate { burst: 120, refill_millis: 500 },
                account: Rate { burst: 240, refill_millis: 250 },
                global: Rate { burst: 5_000, refill_millis: 1 },
            },
        }
    }
}

/// Which rates hold for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    SignUp,
    SignIn,
    Token,
    Ordinary,
}

impl Class {
    /// A route that is not named here has the ordinary rates, so none can be forgotten.
    fn of(path: &str) -> Self {
        match path {
            "/api/v1/auth/sign-up" => Self::SignUp,
            "/api/v1/auth/sign-in" | "/api/v1/account/password" => Self::SignIn,
            "/api/v1/auth/invitations/check" => Self::Token,
            _ => Self::Ordinary,
        }
    }
}

struct Buckets {
    address: Limiter,
    account: Limiter,
    global: Limiter,
}

/// The buckets of all kinds of request.
pub(crate) struct Limiters {
    sign_up: Buckets,
    sign_in: Buckets,
    token: Buckets,
    ordinary: Buckets,
}

impl Limiters {
    pub(crate) fn new(limits: &Limits) -> Self {
        let buckets = |rates: Rates| Buckets {
            address: Limiter::new(rates.address),
            account: Limiter::new(rates.account),
            global: Limiter::new(rates.global),
        };
        Self {
            sign_up: buckets(limits.sign_up),
            sign_in: buckets(limits.sign_in),
            token: buckets(limits.token),
            ordinary: buckets(limits.ordinary),
        }
    }

    fn of(&self, class: Class) -> &Buckets {
        match class {
            Class::SignUp => &self.sign_up,
            Class::SignIn => &self.sign_in,
            Class::Token => &self.token,
            Class::Ordinary => &self.ordinary,
        }
    }

    /// Counts a request against an account.
    pub(crate) fn account(&self, app: &App, class: Class, account: &str) -> Answer<()> {
        self.of(class).account.check(app.clock.as_ref(), account)
    }

    /// Counts a request against its address, then against the whole; in this order, so that one address that asks too
    /// often does not use up what all share.
    fn request(&self, app: &App, class: Class, peer: &Peer) -> Answer<()> {
        let buckets = self.of(class);
        // On a laptop everybody is the same peer, and it is the owner.
        if !(app.loopback && *peer == Peer::Loopback) {
            buckets.address.check(app.clock.as_ref(), &peer.network())?;
        }
        buckets.global.check(app.clock.as_ref(), "")
    }
}

/// The layer over all routes under `/api/v1`.
pub(crate) async fn limited(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let class = request.extensions().get::<MatchedPath>().map_or(Class::Ordinary, |path| Class::of(path.as_str()));
    match app.limits.request(&app, class, &Peer::of(request.headers())) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}
