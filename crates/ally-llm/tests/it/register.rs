//! The privacy register of this crate.

use ally_types::register::Place;

#[test]
fn every_host_that_an_adapter_may_call_is_declared() {
    let declared = |wanted: &str| {
        ally_llm::REGISTER.iter().any(|entry| matches!(entry.place, Place::Host { host } if host == wanted))
    };
    let host = ally_llm::anthropic::BASE_URL.strip_prefix("https://").expect("the service is reached over HTTPS");
    assert!(declared(host));
    assert!(declared("ALLY_LOCAL_MODEL_URL"));
}
