//! What the person is told when a model's answer did not come, or not whole.

use ally_llm::{Failure, FailureKind};
use ally_types::{Problem, Timestamp};

/// The sentence for a failure, with the next step. Her message is kept in every case.
pub fn sentence(failure: Failure, provider: Option<&str>) -> Problem {
    let who = name(provider);
    match failure.kind {
        FailureKind::Auth => Problem::new(502, "provider_key_refused", format!("{who} refused the key."))
            .next("Open Settings, AI provider, and paste a key that is valid. Then choose Try again."),
        FailureKind::Quota => {
            Problem::new(502, "provider_no_credit", format!("{who} says that the key has no credit left."))
                .next("Add credit on the provider's page, or connect another key. Then choose Try again.")
        }
        FailureKind::RateLimited => {
            let problem = Problem::new(502, "provider_rate_limited", format!("{who} asks us to slow down."));
            match failure.retry_after {
                Some(seconds) => problem.next(format!("Try again in {}.", wait(seconds))).retry_after(seconds),
                None => problem.next("Try again in a minute."),
            }
        }
        FailureKind::Overloaded => {
            Problem::new(502, "provider_overloaded", format!("{who} has too much to do at the moment."))
                .next("Try again in a minute.")
        }
        FailureKind::Limit => limit_reached(failure, None, "UTC"),
        FailureKind::ContextTooLong => {
            Problem::new(502, "chat_too_long", "This chat has become too long for the model.")
                .next("Go on in a new chat. Everything said here stays here and can be searched.")
        }
        FailureKind::BadRequest => {
            Problem::new(502, "provider_bad_request", format!("{who} did not accept what we sent."))
                .next("Try again. If it happens again, go on in a new chat and report this.")
        }
        FailureKind::Provider => Problem::new(502, "provider_error", format!("{who} had an error of its own."))
            .next("Try again in a minute."),
        FailureKind::Network => Problem::new(502, "provider_unreachable", format!("{who} could not be reached."))
            .next("Check this machine's connection, then try again."),
        FailureKind::Stalled => {
            Problem::new(502, "provider_stalled", format!("{who} stopped in the middle and said nothing more."))
                .next("Try again. What was written is kept.")
        }
        FailureKind::Truncated => Problem::new(502, "answer_cut", "The answer broke off in the middle.")
            .next("Try again. What was written is kept."),
        FailureKind::Garbage => {
            Problem::new(502, "provider_garbage", format!("{who} sent something we could not read.")).next("Try again.")
        }
        FailureKind::NoProvider | FailureKind::Cancelled => {
            Problem::new(502, "no_answer", "There is no answer.").next("Try again.")
        }
    }
}

/// A usage limit does not reach; it begins anew at `resets`.
pub fn limit_reached(failure: Failure, resets: Option<Timestamp>, timezone: &str) -> Problem {
    let zone = jiff::tz::TimeZone::get(timezone).unwrap_or(jiff::tz::TimeZone::UTC);
    let when = resets.map_or("It begins anew by itself.".to_owned(), |at| {
        let at = at.to_jiff().to_zoned(zone);
        format!("It begins anew on {}.", at.strftime("%-d %B at %H:%M (%Q)"))
    });
    let problem = Problem::new(502, "limit_reached", "The usage limit is reached, so no model was asked.").next(format!(
        "{when} Until then you can read and search everything, and ask with a key of your own (Settings, AI provider)."
    ));
    match failure.retry_after {
        Some(seconds) => problem.retry_after(seconds),
        None => problem,
    }
}

/// Nothing came, although the provider had all the time that it gets.
pub fn silent(provider: Option<&str>) -> Problem {
    let who = name(provider);
    Problem::new(502, "provider_silent", format!("{who} did not begin to answer.")).next("Try again in a minute.")
}

/// The model said nothing at all.
pub fn nothing_said() -> Problem {
    Problem::new(502, "answer_empty", "The model answered with nothing.").next("Try again, or ask in other words.")
}

/// The longest answer was reached.
pub fn too_long() -> Problem {
    Problem::new(502, "answer_too_long", "The answer reached its longest length and stops here.")
        .next("Write “go on” to hear the rest.")
}

/// The model or its provider declined.
pub fn declined() -> Problem {
    Problem::new(502, "answer_declined", "The model declined to answer this.").next("Ask in other words.")
}

/// Too many steps.
pub fn too_many_steps() -> Problem {
    Problem::new(502, "too_many_steps", "This took 12 steps without coming to an end, so it was stopped.")
        .next("Choose Go on for 12 more, or ask for a smaller part of it.")
}

/// Too many tokens.
pub fn too_many_tokens() -> Problem {
    Problem::new(502, "too_many_tokens", "This used a million tokens without coming to an end, so it was stopped.")
        .next("Choose Go on if it is worth that much again, or ask for a smaller part of it.")
}

/// Nobody answered an approval request.
pub fn nobody_answered() -> Problem {
    Problem::new(409, "approval_expired", "Nobody answered this within seven days, so it was not done.")
        .next("Choose Try again if you still want it.")
}

/// Too much time.
pub fn too_slow() -> Problem {
    Problem::new(502, "took_too_long", "This took longer than ten minutes, so it was stopped.")
        .next("Choose Go on for ten more, or ask for a smaller part of it.")
}

/// The process ended again and again in the middle.
pub fn interrupted_too_often() -> Problem {
    Problem::new(500, "interrupted_too_often", "This was interrupted several times, so it was given up.")
        .next("Try again. If it happens again, report it with the time.")
}

fn name(provider: Option<&str>) -> &'static str {
    match provider {
        Some("anthropic") => "Anthropic",
        Some("openai_compatible") => "The model server",
        _ => "The AI provider",
    }
}

fn wait(seconds: u32) -> String {
    match seconds {
        0 | 1 => "a second".to_owned(),
        2..=119 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}
