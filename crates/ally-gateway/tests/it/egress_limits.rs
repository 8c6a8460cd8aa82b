//! Limits of the way out, and senders and answers that mean no good.

use crate::egress_world::{Out, PUBLIC, head, problem, refused};
use crate::world::settle;
use ally_gateway::EgressLimits;
use ally_http::limit::Rate;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

const SMALL: EgressLimits = EgressLimits {
    calls: 1,
    rate: Rate { burst: 3, refill_millis: 20_000 },
    questions: Rate { burst: 500, refill_millis: 20 },
    lookups: 2,
    connect_within: Duration::from_secs(4),
    idle: Duration::from_secs(10),
    total: Duration::from_secs(60),
    sent: 2000,
    received: 4000,
    written_within: Duration::from_secs(1),
};

fn many() -> EgressLimits {
    EgressLimits { rate: Rate { burst: 1000, refill_millis: 1 }, ..SMALL }
}

#[tokio::test]
async fn a_minute_has_room_for_so_many_calls_and_each_person_has_her_own() {
    let out = Out::limited(SMALL).await;
    out.site("a.example.org", PUBLIC).await;
    out.script.answers("93.184.216.34:80", OK);
    for _ in 0..3 {
        assert_eq!(problem(&out.get("http://a.example.org/").await).0, 200);
    }
    let answer = out.get("http://a.example.org/").await;
    assert_eq!(problem(&answer), refused(429, "too_many_calls"));
    assert!(answer.contains("retry-after: 20\r\n"), "{answer}");
    out.world.clock.advance_millis(20_000);
    assert_eq!(problem(&out.get("http://a.example.org/").await).0, 200);
    assert_eq!(problem(&out.get("http://a.example.org/").await).0, 429);
    let out = Out { mira: out.world.person(), ..out };
    out.allow("a.example.org", 443).await;
    assert_eq!(problem(&out.get("http://a.example.org/").await).0, 200);
}

#[tokio::test]
async fn so_many_calls_at_a_time_and_a_place_is_given_back() {
    let out = Out::limited(EgressLimits { calls: 2, ..many() }).await;
    out.site("a.example.org", PUBLIC).await;
    out.script.answers("93.184.216.34:443", "over");
    out.script.answers("93.184.216.34:80", OK);
    let first = out.tunnel("a.example.org:443").await;
    let _second = out.tunnel("a.example.org:443").await;
    assert_eq!(problem(&out.connect("a.example.org:443").await), refused(429, "too_many_calls"));
    assert_eq!(problem(&out.get("http://a.example.org/").await), refused(429, "too_many_calls"));
    drop(first);
    settle().await;
    assert_eq!(problem(&out.get("http://a.example.org/").await).0, 200);
    settle().await;
    assert_eq!(problem(&out.get("http://a.example.org/").await).0, 200, "a call that ended left its place");
}

#[tokio::test(start_paused = true)]
async fn names_and_connections_that_never_come_end_in_time_and_slow_names_keep_their_place() {
    let out = Out::limited(many()).await;
    for name in ["slow.example.org", "slower.example.org", "a.example.org"] {
        out.site(name, PUBLIC).await;
    }
    out.script.stalls("slow.example.org");
    out.script.stalls("slower.example.org");
    out.script.stalls("93.184.216.34:443");
    for target in ["a.example.org:443", "slow.example.org:443", "slower.example.org:443"] {
        let begun = Instant::now();
        assert_eq!(problem(&out.connect(target).await), refused(504, "destination_too_slow"), "{target}");
        assert_eq!(begun.elapsed().as_secs(), 4, "{target}");
    }
    // The resolver is still busy with two names of hers; a third would only make it worse for everybody.
    assert_eq!(problem(&out.get("http://a.example.org/").await), refused(429, "too_many_calls"));
    let ben = Out { mira: out.world.person(), ..out };
    ben.allow("a.example.org", 443).await;
    ben.script.answers("93.184.216.34:80", OK);
    assert_eq!(problem(&ben.get("http://a.example.org/").await).0, 200);
}

#[tokio::test(start_paused = true)]
async fn one_address_that_swallows_everything_leaves_time_for_the_next() {
    let out = Out::limited(many()).await;
    out.script.name("two.example.org", &["2606:4700::1111", PUBLIC]);
    out.allow("two.example.org", 443).await;
    out.script.stalls("[2606:4700::1111]:80");
    out.script.answers("93.184.216.34:80", OK);
    assert_eq!(problem(&out.get("http://two.example.org/").await).0, 200);
    assert_eq!(out.script.dialed(), ["[2606:4700::1111]:80", "93.184.216.34:80"]);
    out.script.name("none.example.org", &["198.41.0.4"]);
    out.allow("none.example.org", 443).await;
    assert_eq!(problem(&out.get("http://none.example.org/").await), refused(502, "destination_unreachable"));
    out.allow("missing.example.org", 443).await;
    assert_eq!(problem(&out.get("http://missing.example.org/").await), refused(502, "name_not_found"));
}

#[tokio::test(start_paused = true)]
async fn a_silent_call_is_ended_and_a_call_that_drips_is_ended_too() {
    let out = Out::limited(many()).await;
    out.site("a.example.org", PUBLIC).await;
    // Nothing ever comes.
    out.script.listen("93.184.216.34:80", |stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    });
    let begun = Instant::now();
    assert_eq!(problem(&out.get("http://a.example.org/").await), refused(504, "destination_too_slow"));
    assert_eq!(begun.elapsed().as_secs(), 10);
    // The answer stops in the middle: the caller sees that it was cut.
    out.script.listen("93.184.216.34:80", |mut stream| async move {
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf").await.unwrap();
        std::future::pending::<()>().await;
    });
    let answer = out.get("http://a.example.org/").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("half"), "{answer}");
    // One byte now and then: the whole call has its end.
    out.script.listen("93.184.216.34:443", |mut stream| async move {
        while stream.write_all(b".").await.is_ok() {
            let _ = timeout(Duration::from_secs(9), std::future::pending::<()>()).await;
        }
    });
    let begun = Instant::now();
    let mut tunnel = out.tunnel("a.example.org:443").await;
    let mut dripped = Vec::new();
    let _ = tunnel.read_to_end(&mut dripped).await;
    assert_eq!((begun.elapsed().as_secs(), dripped.len()), (60, 7));
    // A tunnel in which nothing moves.
    out.script.listen("93.184.216.34:443", |stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    });
    let begun = Instant::now();
    let mut tunnel = out.tunnel("a.example.org:443").await;
    let _ = tunnel.read_to_end(&mut dripped).await;
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn more_than_a_call_may_send_does_not_leave() {
    let out = Out::limited(many()).await;
    out.site("a.example.org", PUBLIC).await;
    let heard = out.script.answers("93.184.216.34:443", "over");
    let mut tunnel = out.tunnel("a.example.org:443").await;
    for _ in 0..40 {
        if tunnel.write_all(&[b'x'; 100]).await.is_err() {
            break;
        }
    }
    let mut rest = Vec::new();
    let _ = tunnel.read_to_end(&mut rest).await;
    settle().await;
    assert!(heard.lock().unwrap().len() <= 2000, "{}", heard.lock().unwrap().len());

    let heard = Arc::new(Mutex::new(0));
    let counts = heard.clone();
    out.script.listen("93.184.216.34:80", move |mut stream| {
        let counts = counts.clone();
        async move {
            let mut buffer = [0; 1024];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                *counts.lock().unwrap() += read;
            }
        }
    });
    let body = "x".repeat(5000);
    let answer =
        out.raw(&format!("POST http://a.example.org/ HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n{body}")).await;
    assert_eq!(problem(&answer), refused(413, "too_much_sent"));
    settle().await;
    assert!(*heard.lock().unwrap() <= 2000);
}

#[tokio::test]
async fn more_than_a_call_may_bring_is_refused_or_cut() {
    let out = Out::limited(many()).await;
    out.site("a.example.org", PUBLIC).await;
    out.script.answers("93.184.216.34:80", "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\nxxx");
    assert_eq!(problem(&out.get("http://a.example.org/").await), refused(502, "answer_too_large"));
    let endless = |mut stream: tokio::io::DuplexStream| async move {
        head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        let chunk = format!("64\r\n{}\r\n", "x".repeat(100));
        while stream.write_all(chunk.as_bytes()).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    out.script.listen("93.184.216.34:80", endless);
    let answer = out.get("http://a.example.org/").await;
    assert!(answer.starts_with("HTTP/1.1 200") && !answer.ends_with("0\r\n\r\n") && answer.len() < 6000, "{answer}");
    out.script.listen("93.184.216.34:443", endless);
    let mut tunnel = out.tunnel("a.example.org:443").await;
    tunnel.write_all(b"\r\n\r\n").await.unwrap();
    let mut all = Vec::new();
    let _ = tunnel.read_to_end(&mut all).await;
    assert!(all.len() <= 4000, "{}", all.len());
    // A question about a large thing is a small answer.
    out.script.answers("93.184.216.34:80", "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n");
    let answer = out.raw("HEAD http://a.example.org/ HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("content-length: 5000\r\n"), "{answer}");
}

#[tokio::test]
async fn heads_without_end_are_refused_on_both_sides() {
    let out = Out::limited(EgressLimits { sent: 1 << 20, received: 1 << 20, ..many() }).await;
    out.site("a.example.org", PUBLIC).await;
    let long = "a".repeat(70_000);
    let answer = out.raw(&format!("GET http://a.example.org/ HTTP/1.1\r\nhost: x\r\nx: {long}\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let answer = out.raw(&format!("CONNECT {long}.example.org:443 HTTP/1.1\r\nhost: x\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let lines = "x: y\r\n".repeat(150);
    let answer = out.raw(&format!("GET http://a.example.org/ HTTP/1.1\r\n{lines}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert_eq!(out.script.dialed(), Vec::<String>::new());
    for head in [format!("HTTP/1.1 200 OK\r\nx: {long}\r\n\r\n"), format!("HTTP/1.1 200 OK\r\n{lines}\r\n")] {
        out.script.answers("93.184.216.34:80", head.leak());
        assert_eq!(problem(&out.get("http://a.example.org/").await), refused(502, "destination_broken"));
    }
}

#[tokio::test]
async fn what_answers_is_http_or_nothing() {
    let out = Out::limited(many()).await;
    out.site("a.example.org", PUBLIC).await;
    for answer in [
        "220 mail.example.org ESMTP\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
    ] {
        out.script.answers("93.184.216.34:80", answer);
        assert_eq!(problem(&out.get("http://a.example.org/").await), refused(502, "destination_broken"), "{answer}");
    }
    out.script.listen("93.184.216.34:80", |stream| async move { drop(stream) });
    assert_eq!(problem(&out.get("http://a.example.org/").await), refused(502, "destination_broken"));
    // Both framings in an answer: one comes out.
    out.script.answers(
        "93.184.216.34:80",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nrest",
    );
    let answer = out.get("http://a.example.org/").await;
    assert!(answer.contains("hello") && !answer.contains("rest") && !answer.contains("content-length"), "{answer}");
}

#[tokio::test]
async fn a_request_is_framed_anew_so_nothing_can_be_smuggled_in_it() {
    let out = Out::limited(many()).await;
    out.site("a.example.org", PUBLIC).await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: a.example.org\r\n\r\n";
    let chunked = "5\r\nhello\r\n0\r\n\r\n";
    for (headers, body) in [
        (format!("content-length: {}\r\ntransfer-encoding: chunked", chunked.len() + smuggled.len()), chunked),
        ("transfer-encoding: chunked\r\ncontent-length: 3".to_owned(), chunked),
        ("content-length: 5\r\ncontent-length: 5".to_owned(), "hello"),
        ("content-length: 5\r\nconnection: content-length".to_owned(), "hello"),
    ] {
        let heard = out.script.answers("93.184.216.34:80", OK);
        let answer = out
            .raw(&format!("POST http://a.example.org/p HTTP/1.1\r\nhost: x\r\n{headers}\r\n\r\n{body}{smuggled}"))
            .await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{headers}: {answer}");
        settle().await;
        let heard = heard.lock().unwrap().clone();
        assert!(heard.contains("hello") && !heard.contains("smuggled"), "{headers}: {heard}");
        let framings = heard.matches("content-length").count() + heard.matches("transfer-encoding").count();
        assert_eq!(framings, 1, "{headers}: {heard}");
        assert_eq!(heard.matches("HTTP/1.1").count(), 1, "{heard}");
    }
    let dialed = out.script.dialed().len();
    for headers in [
        "content-length: 5\r\ncontent-length: 6",
        "content-length: -1",
        "content-length: 5, 5x",
        "transfer-encoding: chunked, identity",
        "transfer-encoding: identity",
        "content-length : 5",
        " content-length: 5",
        "x\0: y",
    ] {
        let answer =
            out.raw(&format!("POST http://a.example.org/ HTTP/1.1\r\nhost: x\r\n{headers}\r\n\r\nhello")).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{headers}: {answer}");
    }
    assert_eq!(out.script.dialed().len(), dialed);
}

#[tokio::test]
async fn a_request_for_the_way_out_has_its_form() {
    let out = Out::limited(many()).await;
    out.site("a.example.org", PUBLIC).await;
    for request in [
        "CONNECT a.example.org:443 HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello",
        "CONNECT a.example.org:443 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "GET https://a.example.org/ HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET ftp://a.example.org/ HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET file://a.example.org/etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET a.example.org:80 HTTP/1.1\r\nhost: x\r\n\r\n",
        "CONNECT http://a.example.org:80/ HTTP/1.1\r\nhost: x\r\n\r\n",
        "TRACE http://a.example.org/ HTTP/1.1\r\nhost: x\r\n\r\n",
    ] {
        assert_eq!(problem(&out.raw(request).await), refused(400, "bad_proxy_request"), "{request}");
    }
    for request in
        ["CONNECT a.example.org HTTP/1.1\r\nhost: x\r\n\r\n", "CONNECT a.example.org: HTTP/1.1\r\nhost: x\r\n\r\n"]
    {
        assert_eq!(problem(&out.raw(request).await).0, 400, "{request}");
    }
    assert_eq!(out.script.dialed(), Vec::<String>::new());
}

#[tokio::test]
async fn only_what_belongs_to_the_destination_reaches_it() {
    let out = Out::limited(many()).await;
    out.site("a.example.org", PUBLIC).await;
    let heard = out.script.answers(
        "93.184.216.34:80",
        "HTTP/1.1 200 OK\r\nconnection: x-theirs\r\nx-theirs: 1\r\nproxy-authenticate: Basic\r\nx-ally-identity: forged\r\n\
         keep-alive: 5\r\nset-cookie: their=1\r\nupgrade: h2c\r\ncontent-length: 5\r\n\r\nhello",
    );
    let answer = out
        .raw(
            "GET http://a.example.org/path?q=1 HTTP/1.1\r\nhost: evil.example\r\nhost: other.example\r\n\
             connection: x-mine, close\r\nx-mine: 1\r\nkeep-alive: 5\r\nproxy-connection: keep-alive\r\n\
             proxy-authorization: Basic c2VjcmV0\r\nproxy-anything: 1\r\nte: trailers\r\ntrailer: x\r\nupgrade: h2c\r\n\
             x-ally-identity: ours\r\nx-ally-provider-key: ours\r\nx-ally-request: ours\r\nx-forwarded-for: 10.0.0.1\r\n\
             cookie: a=b; __Host-ally_session=ours\r\nauthorization: Bearer hers\r\naccept: text/html\r\n\r\n",
        )
        .await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
    let answer = answer.to_ascii_lowercase();
    for stripped in ["x-theirs", "proxy-", "x-ally-", "keep-alive", "upgrade", "via:"] {
        assert!(!answer.contains(stripped), "{stripped}: {answer}");
    }
    assert!(answer.contains("set-cookie: their=1") && answer.contains("connection: close"), "{answer}");
    let heard = heard.lock().unwrap().to_ascii_lowercase();
    assert!(heard.starts_with("get /path?q=1 http/1.1\r\n"), "{heard}");
    assert_eq!(heard.matches("host:").count(), 1);
    assert!(heard.contains("\r\nhost: a.example.org\r\n"), "{heard}");
    for stripped in [
        "x-mine",
        "keep-alive",
        "proxy",
        "c2vjcmv0",
        "te:",
        "trailer",
        "upgrade",
        "ally",
        "forwarded",
        "cookie",
        "via:",
        "10.0.0.1",
    ] {
        assert!(!heard.contains(stripped), "{stripped}: {heard}");
    }
    assert!(heard.contains("authorization: bearer hers") && heard.contains("accept: text/html"), "{heard}");
}

#[tokio::test]
async fn whoever_goes_away_takes_the_other_side_along() {
    let out = Out::limited(many()).await;
    out.site("a.example.org", PUBLIC).await;
    let gone = Arc::new(tokio::sync::Notify::new());
    let tells = gone.clone();
    let waits = move |mut stream: tokio::io::DuplexStream| {
        let tells = tells.clone();
        async move {
            let mut buffer = [0; 1024];
            while let Ok(1..) = stream.read(&mut buffer).await {}
            tells.notify_one();
        }
    };
    out.script.listen("93.184.216.34:80", waits.clone());
    out.script.listen("93.184.216.34:443", waits);
    let mut stream = out.open().await;
    stream.write_all(b"GET http://a.example.org/ HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    settle().await;
    drop(stream);
    gone.notified().await;
    let mut tunnel = out.tunnel("a.example.org:443").await;
    tunnel.write_all(b"x").await.unwrap();
    drop(tunnel);
    gone.notified().await;
    // The far side breaks off in the middle of an answer: it is not taken for a whole one.
    out.script.listen("93.184.216.34:80", |mut stream| async move {
        head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf").await;
    });
    let mut stream = out.open().await;
    stream.write_all(b"GET http://a.example.org/ HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(head(&mut stream).await.contains("content-length: 50"));
    let mut rest = String::new();
    let _ = stream.read_to_string(&mut rest).await;
    assert_eq!(rest, "half");
}
