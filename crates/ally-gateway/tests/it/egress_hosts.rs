//! The list of hosts in the browser, and what is accepted as a host at all.

use crate::egress_world::{Out, PUBLIC, problem};
use crate::world::settle;
use ally_gateway::{EgressLimits, Host, Target, check_address};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn post(out: &Out, body: &Value) -> (u16, Value) {
    let (status, text) = out.world.ask("POST", "/api/v1/egress/hosts").by(&out.mira).here().json(body).text().await;
    (status, serde_json::from_str(&text).unwrap_or_default())
}

async fn list(out: &Out) -> Value {
    let (status, text) = out.world.get("/api/v1/egress/hosts").by(&out.mira).text().await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn a_person_adds_a_host_sees_it_and_takes_it_away_again() {
    let out = Out::new().await;
    assert_eq!(list(&out).await, json!({"items": []}));
    let (status, added) = post(&out, &json!({"host": " Example.ORG "})).await;
    let since = added["since"].as_str().unwrap().to_owned();
    assert_eq!(
        (status, &added),
        (201, &json!({"host": "example.org", "port": 443, "from": "person", "since": since.clone()}))
    );
    // Twice is one, and the first time counts.
    out.world.clock.advance_millis(5000);
    assert_eq!(post(&out, &json!({"host": "example.org", "port": 443})).await, (201, added.clone()));
    assert_eq!(post(&out, &json!({"host": "example.org", "port": 993})).await.0, 201);
    assert_eq!(list(&out).await["items"].as_array().unwrap().len(), 2);
    // Nobody else has it, and nobody else can take it away.
    let ben = out.world.person();
    let remove = |path: &str, person| out.world.ask("DELETE", path).by(person).here();
    let path = "/api/v1/egress/hosts/example.org";
    assert_eq!(remove(path, &ben).problem().await, (404, "host_not_found".to_owned()));
    let (_, bens) = out.world.get("/api/v1/egress/hosts").by(&ben).text().await;
    assert_eq!(bens, "{\"items\":[]}");
    assert_eq!(remove(&format!("{path}?port=993"), &out.mira).send().await.status(), 204);
    assert_eq!(list(&out).await, json!({"items": [added]}));
    assert_eq!(remove(path, &out.mira).send().await.status(), 204);
    assert_eq!(remove(path, &out.mira).problem().await, (404, "host_not_found".to_owned()));
    for strange in ["/api/v1/egress/hosts/msg_01", "/api/v1/egress/hosts/%20", "/api/v1/egress/hosts/%ff"] {
        assert_eq!(remove(strange, &out.mira).problem().await.0, 404, "{strange}");
    }
    assert_eq!(list(&out).await, json!({"items": []}));
}

#[tokio::test]
async fn a_host_that_is_taken_away_ends_the_calls_that_are_open() {
    let out = Out::new().await;
    for (name, place) in [("a.example.org", "93.184.216.34:443"), ("b.example.org", "198.41.0.4:443")] {
        out.site(name, place.trim_end_matches(":443")).await;
        out.script.listen(place, |mut stream| async move {
            let mut heard = [0; 64];
            while let Ok(read @ 1..) = stream.read(&mut heard).await {
                stream.write_all(&heard[..read]).await.unwrap();
            }
        });
    }
    let mut ended = out.tunnel("a.example.org:443").await;
    let mut kept = out.tunnel("b.example.org:443").await;
    let remove = out.world.ask("DELETE", "/api/v1/egress/hosts/a.example.org").by(&out.mira).here();
    assert_eq!(remove.send().await.status(), 204);
    let mut rest = Vec::new();
    let _ = ended.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
    kept.write_all(b"still").await.unwrap();
    let mut heard = [0; 5];
    kept.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"still");
}

/// Whether what is sent into a tunnel still comes back.
async fn echoes(tunnel: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin)) -> bool {
    settle().await;
    let mut heard = [0; 5];
    tunnel.write_all(b"still").await.is_ok() && tunnel.read_exact(&mut heard).await.is_ok() && &heard == b"still"
}

#[tokio::test(start_paused = true)]
async fn only_her_own_withdrawal_ends_a_call_and_no_list_that_cannot_be_read() {
    let out = Out::new().await;
    let ben = out.world.person();
    out.site("a.example.org", "93.184.216.34").await;
    for other in ["b.example.org", "c.example.org", "d.example.org"] {
        out.allow(other, 443).await;
        let add = out.world.ask("POST", "/api/v1/egress/hosts").by(&ben).here();
        assert_eq!(add.json(&json!({"host": other})).send().await.status(), 201);
    }
    out.script.listen("93.184.216.34:443", |mut stream| async move {
        let mut heard = [0; 64];
        while let Ok(read @ 1..) = stream.read(&mut heard).await {
            stream.write_all(&heard[..read]).await.unwrap();
        }
    });
    let mut tunnel = out.tunnel("a.example.org:443").await;
    assert!(echoes(&mut tunnel).await);
    let remove = async |person, host: &str| {
        let remove = out.world.ask("DELETE", &format!("/api/v1/egress/hosts/{host}")).by(person).here();
        assert_eq!(remove.send().await.status(), 204);
    };
    let file = ally_store::rusqlite::Connection::open(out.world.directory.path().join("counters.db")).unwrap();
    let port = |port: u32, instead: u32| {
        let change = "UPDATE egress_hosts SET port = ?1 WHERE host = 'a.example.org' AND port = ?2";
        assert_eq!(file.execute(change, [port, instead]).unwrap(), 1);
    };
    // Her row is not there any more: nobody asks for it because of somebody else.
    port(993, 443);
    remove(&ben, "b.example.org").await;
    assert!(echoes(&mut tunnel).await, "somebody else's withdrawal");
    // No port is that large: her list cannot be read.
    port(70_000, 993);
    remove(&out.mira, "b.example.org").await;
    assert!(echoes(&mut tunnel).await, "a list that cannot be read is no withdrawal");
    assert_eq!(problem(&out.connect("a.example.org:443").await).0, 403, "and lets nothing new out");
    // Once it can be read again, it counts; nobody has to tell a second time.
    port(443, 70_000);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(echoes(&mut tunnel).await);
    port(70_000, 443);
    remove(&out.mira, "c.example.org").await;
    assert!(echoes(&mut tunnel).await);
    port(993, 70_000);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(!echoes(&mut tunnel).await);
}

#[tokio::test]
async fn what_cannot_be_called_cannot_be_added_and_the_reason_is_said() {
    let out = Out::new().await;
    for (host, port, kind, field) in [
        ("10.0.0.1", json!(443), "address_blocked", "host"),
        ("localhost", json!(80), "address_blocked", "host"),
        ("printer.local", json!(80), "address_blocked", "host"),
        ("intranet", json!(80), "address_blocked", "host"),
        ("169.254.169.254", json!(80), "address_blocked", "host"),
        ("metadata.google.internal", json!(80), "address_blocked", "host"),
        ("[::1]", json!(443), "address_blocked", "host"),
        ("fd00:ec2::254", json!(443), "address_blocked", "host"),
        ("0.0.0.0", json!(443), "address_blocked", "host"),
        ("", json!(443), "bad_host", "host"),
        ("https://example.org/", json!(443), "bad_host", "host"),
        ("example.org:443", json!(443), "bad_host", "host"),
        ("mira@example.org", json!(443), "bad_host", "host"),
        ("2130706433", json!(443), "bad_host", "host"),
        ("0x7f.1", json!(443), "bad_host", "host"),
        ("example.org.", json!(443), "bad_host", "host"),
        ("*.example.org", json!(443), "bad_host", "host"),
        ("еxample.org", json!(443), "bad_host", "host"),
        ("example.org", json!(0), "bad_port", "port"),
        ("example.org", json!(65_536), "bad_port", "port"),
        ("example.org", json!(-1), "bad_port", "port"),
    ] {
        let (status, problem) = post(&out, &json!({"host": host, "port": port})).await;
        assert_eq!(
            (status, problem["type"].as_str(), problem["field"].as_str()),
            (422, Some(kind), Some(field)),
            "{host}"
        );
        assert!(problem["next_step"].is_string() && problem["title"].is_string(), "{problem}");
        // What was typed is not repeated.
        assert!(host.len() < 5 || !problem.to_string().contains(host), "{problem}");
    }
    assert_eq!(post(&out, &json!({"host": 5})).await.0, 422);
    assert_eq!(post(&out, &json!({"host": "example.org", "port": "x"})).await.0, 422);
    assert_eq!(list(&out).await, json!({"items": []}));
    for (method, path) in
        [("GET", "/api/v1/egress"), ("GET", "/api/v1/egress/hosts"), ("DELETE", "/api/v1/egress/hosts/example.org")]
    {
        assert_eq!(
            out.world.ask(method, path).here().problem().await,
            (401, "signed_out".to_owned()),
            "{method} {path}"
        );
    }
    let add = || out.world.ask("POST", "/api/v1/egress/hosts").json(&json!({"host": "example.org"}));
    assert_eq!(add().here().problem().await.0, 401);
    // A page of another site cannot add a host for her.
    assert_eq!(add().by(&out.mira).header("origin", "https://evil.example").send().await.status(), 403);
}

#[tokio::test]
async fn a_list_holds_a_hundred_hosts() {
    let out = Out::new().await;
    for at in 0..100 {
        out.allow(&format!("h{at}.example.org"), 443).await;
    }
    let (status, problem) = post(&out, &json!({"host": "one-more.example.org"})).await;
    assert_eq!((status, problem["type"].as_str()), (409, Some("too_many_hosts")));
    out.allow("h5.example.org", 443).await;
    assert_eq!(list(&out).await["items"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn a_place_in_the_house_can_be_added_only_as_the_administrator_named_it() {
    let out = Out::with(EgressLimits::default(), &["10.0.0.5:993", "nas.lan:443"], None).await;
    assert_eq!(post(&out, &json!({"host": "10.0.0.5", "port": 993})).await.0, 201);
    assert_eq!(post(&out, &json!({"host": "nas.lan"})).await.0, 201);
    assert_eq!(post(&out, &json!({"host": "10.0.0.5"})).await.0, 422);
    assert_eq!(post(&out, &json!({"host": "nas.lan", "port": 80})).await.0, 422);
    assert_eq!(post(&out, &json!({"host": PUBLIC})).await.0, 201);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_accepted_as_a_host_is_canonical(text in "[a-zA-Z0-9.:\\[\\]%@_xX-]{0,24}|\\PC{0,16}|[0-9a-fx.]{1,16}") {
        if let Ok(host) = text.parse::<Host>() {
            let canonical = host.to_string();
            prop_assert_eq!(canonical.parse::<Host>(), Ok(host.clone()), "{}", text);
            prop_assert!(canonical.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase()));
            match host {
                // A name is one that no program takes for an address.
                Host::Name(name) => {
                    prop_assert!(name.parse::<IpAddr>().is_err());
                    let last = name.rsplit('.').next().unwrap();
                    prop_assert!(!last.bytes().all(|byte| byte.is_ascii_digit()) && !is_hexadecimal(last), "{}", name);
                }
                Host::Address(address) => prop_assert_eq!(canonical, address.to_string()),
            }
        }
    }

    #[test]
    fn a_destination_reads_back_as_it_is_shown(text in "[a-z0-9.:\\[\\]-]{0,24}:[0-9]{0,6}") {
        if let Ok(target) = text.parse::<Target>() {
            prop_assert_eq!(target.to_string().parse::<Target>(), Ok(target.clone()));
            prop_assert!(target.port > 0);
        }
    }

    #[test]
    fn no_address_that_may_be_called_is_one_of_ours(bits in any::<u32>(), six in any::<u128>(), shape in 0..6u8) {
        let four = Ipv4Addr::from_bits(bits);
        // Whatever the standard library knows about addresses, ours never says yes where it says no.
        let is_ours = |four: Ipv4Addr| {
            four.is_private() || four.is_loopback() || four.is_link_local() || four.is_broadcast() || four.is_multicast()
                || four.is_documentation() || four.is_unspecified() || four.octets()[0] == 0 || four.octets()[0] >= 240
        };
        if check_address(four.into()).is_none() {
            prop_assert!(!is_ours(four), "{}", four);
        }
        let low = u128::from(bits);
        let wrapped = Ipv6Addr::from_bits(match shape {
            0 => 0xffff_0000_0000 | low,
            1 => low,
            2 => (0x64_ff9b << 96) | low,
            3 => (0x2002 << 112) | (low << 80) | (six & 0xffff_ffff_ffff_ffff_ffff),
            4 => (0x64_ff9b_0001 << 80) | low,
            _ => six,
        });
        if check_address(wrapped.into()).is_none() {
            prop_assert!(!wrapped.is_loopback() && !wrapped.is_unspecified() && !wrapped.is_multicast());
            prop_assert!(!wrapped.is_unique_local() && !wrapped.is_unicast_link_local());
            if shape < 4 {
                prop_assert!(!is_ours(four) && shape != 1, "{}", wrapped);
            }
        }
    }
}

fn is_hexadecimal(label: &str) -> bool {
    label.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
