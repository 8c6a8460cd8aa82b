//! Whether arguments that a person has edited are ones that a tool takes.

use serde_json::Value;

/// Why these arguments do not fit the schema of a tool, in words for the person; `None` if they do. It knows what the
/// schemas of our tools say and no more, and takes nothing that they do not name.
pub fn fault(schema: &Value, input: &Value) -> Option<String> {
    let Some(given) = input.as_object() else { return Some("The arguments must be a JSON object.".to_owned()) };
    let none = serde_json::Map::new();
    let known = schema["properties"].as_object().unwrap_or(&none);
    if given.keys().any(|name| !known.contains_key(name)) {
        return Some("There is an argument that this tool does not take.".to_owned());
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for name in required {
        if !given.contains_key(name) {
            return Some(format!("The argument `{name}` is missing."));
        }
    }
    given.iter().find_map(|(name, value)| {
        (!fits(&known[name], value)).then(|| format!("The argument `{name}` has a value that this tool does not take."))
    })
}

fn fits(schema: &Value, value: &Value) -> bool {
    let is_of_type = match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.as_array().is_some_and(|items| {
            let (least, most) = (schema["minItems"].as_u64().unwrap_or(0), schema["maxItems"].as_u64());
            let count = items.len() as u64;
            count >= least
                && most.is_none_or(|most| count <= most)
                && items.iter().all(|item| schema["items"].is_null() || fits(&schema["items"], item))
        }),
        // A shape that is not known here is not let through.
        _ => false,
    };
    is_of_type && schema["enum"].as_array().is_none_or(|words| words.contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_the_schema_names_in_the_shape_it_names_fits() {
        let schema = json!({
            "type": "object",
            "properties": {
                "command": { "type": "string", "enum": ["view", "delete"] },
                "line": { "type": "integer" },
                "range": { "type": "array", "items": { "type": "integer" }, "minItems": 2, "maxItems": 2 },
                "deep": { "type": "object" }
            },
            "required": ["command"]
        });
        for (input, fine) in [
            (json!({"command": "view"}), true),
            (json!({"command": "view", "line": 3, "range": [1, 2]}), true),
            (json!({}), false),
            (json!([]), false),
            (json!({"command": "fly"}), false),
            (json!({"command": 1}), false),
            (json!({"command": "view", "line": 1.5}), false),
            (json!({"command": "view", "line": "1"}), false),
            (json!({"command": "view", "range": [1]}), false),
            (json!({"command": "view", "range": [1, "2"]}), false),
            (json!({"command": "view", "range": [1, 2, 3]}), false),
            (json!({"command": "view", "deep": {}}), false),
            (json!({"command": "view", "more": 1}), false),
        ] {
            assert_eq!(fault(&schema, &input).is_none(), fine, "{input}");
        }
    }
}
