//! The tool that knows what time it is.

use super::{Action, Asking, Planned, Planning, Shown, Tool, text};
use ally_durable::Effect;
use ally_monitor::{Sink, Touches};
use ally_types::Label;
use serde_json::{Value, json};

/// What time it is, here or elsewhere.
pub struct TimeNow;

impl Tool for TimeNow {
    fn name(&self) -> &'static str {
        "time_now"
    }

    fn description(&self) -> &'static str {
        "Says what date and time it is now, in the person's time zone or in another one. Use it whenever the answer \
         depends on the present moment."
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "timezone": { "type": "string", "description": "IANA time zone such as Europe/Berlin. Leave it out for the person's own." }
            },
            "additionalProperties": false
        })
    }

    fn action(&self, _: &Value) -> Action {
        Action { effect: Effect::Read, sink: Sink::Read, touches: Touches::Other }
    }

    fn shown(&self, input: &Value) -> Shown {
        Shown::new("Look at the clock").with("Time zone", input, "timezone")
    }

    fn plan<'a>(&'a self, asking: &'a Asking, input: &'a Value) -> Planning<'a> {
        Box::pin(async move {
            let name = text(input, "timezone").unwrap_or(&asking.timezone);
            let Ok(zone) = jiff::tz::TimeZone::get(name) else {
                return Ok(Planned::refused(format!(
                    "There is no time zone named {name}. Use an IANA name such as Europe/Berlin."
                )));
            };
            let now = asking.app.clock().now().to_jiff().to_zoned(zone);
            let now = now.round(jiff::Unit::Second).unwrap_or(now);
            let summary = now.strftime("%H:%M, %A %-d %B %Y (%Q)").to_string();
            Ok(Planned::done(format!("{now}\n{}", now.strftime("%A")), summary, Label::TRUSTED))
        })
    }
}
