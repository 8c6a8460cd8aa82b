//! What is agreed to is exactly this call and no other.

use ally_monitor::{Exactly, digest};
use serde_json::{Value, json};

fn print(tool: &str, schema: &str, connection: &str, input: &Value) -> String {
    Exactly { tool, schema, connection, input }.fingerprint()
}

#[test]
fn whatever_differs_makes_another_fingerprint() {
    let input = json!({"to": "mira@example.org", "lines": [1, 2], "more": {"a": true}});
    let same = print("mail_send", "s1", "c1", &input);
    assert_eq!(same.len(), 64);
    let others = [
        print("mail_senD", "s1", "c1", &input),
        print("mail_send", "s2", "c1", &input),
        print("mail_send", "s1", "c2", &input),
        // What moves from one part into the next is no longer the same.
        print("mail_sends", "1", "c1", &input),
        print("mail_send", "s1", "c1", &json!({"to": "mira@example.org", "lines": [2, 1], "more": {"a": true}})),
        print("mail_send", "s1", "c1", &json!({"to": "mira@example.org", "lines": [1, 2], "more": {"a": false}})),
        print("mail_send", "s1", "c1", &json!({"to": "mira@example.org ", "lines": [1, 2], "more": {"a": true}})),
        print(
            "mail_send",
            "s1",
            "c1",
            &json!({"to": "mira@example.org", "lines": [1, 2], "more": {"a": true}, "bcc": ""}),
        ),
        print("mail_send", "s1", "c1", &json!({"to": "mira@example.org", "lines": ["1", 2], "more": {"a": true}})),
    ];
    for (at, other) in others.iter().enumerate() {
        assert_ne!(*other, same, "number {at}");
    }
}

#[test]
fn the_order_of_arguments_is_nothing() {
    let one: Value = serde_json::from_str(r#"{"b": {"d": 1, "c": "x\"y"}, "a": null}"#).unwrap();
    let other: Value = serde_json::from_str(r#"{"a":null,"b":{"c":"x\"y","d":1}}"#).unwrap();
    assert_eq!(print("t", "s", "", &one), print("t", "s", "", &other));
    assert_eq!(digest(&one), digest(&other));
    assert_ne!(digest(&one), digest(&json!({"a": null})));
}
