//! Calls to model providers: they are made by the gateway itself, and counted like every other call.

use super::ledger::Count;
use super::target::{HTTP, HTTPS, Target};
use crate::gateway::Gateway;
use ally_llm::{Event, Events, Meter, Provider, Request};
use ally_types::ServerId;
use futures_util::StreamExt as _;

/// Where an address such as `https://api.anthropic.com` or `http://127.0.0.1:11434/v1` leads.
pub fn target(url: &str) -> Option<Target> {
    let uri: http::Uri = url.parse().ok()?;
    let otherwise = if uri.scheme_str() == Some("http") { HTTP } else { HTTPS };
    Target::read(uri.authority()?.as_str(), Some(otherwise)).ok()
}

/// The provider that the installation itself has connected: shown beside what a person allowed, for her questions go
/// there. It opens nothing. The gateway makes the calls to models itself and counts them; an assistant that had a way of
/// its own to a provider could carry data into anybody's account there.
pub fn of_installation(gateway: &Gateway) -> Option<Target> {
    gateway.models.address().as_deref().and_then(target)
}

/// Asks the provider and counts what the call sent and received, also when nobody waits for its end.
pub fn stream(gateway: &Gateway, server: ServerId, provider: Provider, request: &Request) -> Events {
    let (provider, mut counted) = count(gateway, server, provider);
    let events = provider.stream(&gateway.models.client, request);
    Box::pin(events.map(move |event| {
        if matches!(event, Event::Finished { .. } | Event::Failed { .. }) {
            // Whoever sees the end of the answer also sees the count.
            counted.write();
        }
        event
    }))
}

/// Counts one call with this provider: when the value is dropped.
pub fn count(gateway: &Gateway, server: ServerId, provider: Provider) -> (Provider, Counted) {
    let meter = Meter::default();
    let shown = provider.address().and_then(target).map(|target| target.shown());
    let counted = Counted { gateway: gateway.clone(), server, shown, meter: meter.clone() };
    (provider.metered(meter), counted)
}

/// A call to a provider that is not counted yet.
pub struct Counted {
    gateway: Gateway,
    server: ServerId,
    /// Where to; `None` where nothing leaves, or it is counted already.
    shown: Option<String>,
    meter: Meter,
}

impl Counted {
    fn write(&mut self) {
        if let Some(shown) = self.shown.take() {
            let count = Count { calls: 1, refused: 0, sent: self.meter.sent(), received: self.meter.received() };
            self.gateway.egress.ledger.note(self.server, shown, count);
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.write();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_provider_is_shown_as_a_host() {
        let shown = |url| target(url).map(|target| target.shown());
        assert_eq!(shown("https://api.anthropic.com").as_deref(), Some("api.anthropic.com"));
        assert_eq!(shown("https://Proxy.example:8443/v1").as_deref(), Some("proxy.example:8443"));
        assert_eq!(shown("http://127.0.0.1:11434/v1").as_deref(), Some("127.0.0.1:11434"));
        assert_eq!(shown("http://localhost:1234").as_deref(), Some("localhost:1234"));
        assert_eq!(shown("file:///nonsense"), None);
    }
}
