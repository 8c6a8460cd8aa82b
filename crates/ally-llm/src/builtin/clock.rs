//! "What time is it": finds the zone of a place and says what the clock answered.

use super::{Done, Move, reason};
use jiff::tz::TimeZoneDatabase;
use serde_json::json;

/// Places whose zone has another name. Everything else is found by the last part of the zone's own name.
const PLACES: &[(&str, &str)] = &[
    ("bangalore", "Asia/Kolkata"),
    ("barcelona", "Europe/Madrid"),
    ("beijing", "Asia/Shanghai"),
    ("bengaluru", "Asia/Kolkata"),
    ("boston", "America/New_York"),
    ("cape town", "Africa/Johannesburg"),
    ("cologne", "Europe/Berlin"),
    ("dallas", "America/Chicago"),
    ("delhi", "Asia/Kolkata"),
    ("england", "Europe/London"),
    ("florence", "Europe/Rome"),
    ("france", "Europe/Paris"),
    ("frankfurt", "Europe/Berlin"),
    ("geneva", "Europe/Zurich"),
    ("germany", "Europe/Berlin"),
    ("gmt", "UTC"),
    ("hamburg", "Europe/Berlin"),
    ("houston", "America/Chicago"),
    ("india", "Asia/Kolkata"),
    ("italy", "Europe/Rome"),
    ("japan", "Asia/Tokyo"),
    ("kyoto", "Asia/Tokyo"),
    ("la", "America/Los_Angeles"),
    ("las vegas", "America/Los_Angeles"),
    ("miami", "America/New_York"),
    ("milan", "Europe/Rome"),
    ("montreal", "America/Toronto"),
    ("mumbai", "Asia/Kolkata"),
    ("munich", "Europe/Berlin"),
    ("new delhi", "Asia/Kolkata"),
    ("nuremberg", "Europe/Berlin"),
    ("nyc", "America/New_York"),
    ("osaka", "Asia/Tokyo"),
    ("philadelphia", "America/New_York"),
    ("rio", "America/Sao_Paulo"),
    ("rio de janeiro", "America/Sao_Paulo"),
    ("san francisco", "America/Los_Angeles"),
    ("seattle", "America/Los_Angeles"),
    ("spain", "Europe/Madrid"),
    ("st petersburg", "Europe/Moscow"),
    ("tel aviv", "Asia/Jerusalem"),
    ("uk", "Europe/London"),
    ("utc", "UTC"),
    ("washington", "America/New_York"),
    ("washington dc", "America/New_York"),
];

pub(super) fn time(place: Option<&str>, home: &str, done: &[Done]) -> Move {
    let zone = match place {
        None => home.to_owned(),
        Some(place) => match zone_of(place) {
            Some(zone) => zone,
            None => {
                return Move::Say(format!(
                    "I do not know the time zone of “{place}”. Name a large city near it, or a zone such as Europe/Berlin."
                ));
            }
        },
    };
    let Some(answer) = done.last() else {
        return Move::Call { tool: "time_now", input: json!({ "timezone": zone }) };
    };
    if !answer.ok {
        return Move::Say(format!("I could not read the clock: {}", reason(answer)));
    }
    Move::Say(match (in_words(&answer.text), place) {
        (Some(words), Some(place)) => format!("In {} it is {words}.", capitalised(place)),
        (Some(words), None) => format!("It is {words}."),
        // The clock's own words are better than none.
        (None, _) => reason(answer).to_owned(),
    })
}

/// `09:30 on Saturday, 21 November 2026 (Europe/Berlin)`.
fn in_words(answer: &str) -> Option<String> {
    let first = answer.split_whitespace().next()?;
    // The database in the program, so that no file is read here.
    let moment =
        jiff::fmt::temporal::DateTimeParser::new().parse_zoned_with(&TimeZoneDatabase::bundled(), first).ok()?;
    Some(moment.strftime("%H:%M on %A, %-d %B %Y (%Q)").to_string())
}

/// The zone of a city, of a country with one obvious zone, or of a zone's own name.
fn zone_of(place: &str) -> Option<String> {
    let place = super::understand::one_line(place).to_lowercase();
    let place = place.strip_prefix("the ").unwrap_or(&place);
    if let Some((_, zone)) = PLACES.iter().find(|(name, _)| *name == place) {
        return Some((*zone).to_owned());
    }
    let zones = TimeZoneDatabase::bundled();
    let wanted = place.replace(' ', "_");
    let names = || zones.available().map(|name| name.as_str().to_owned());
    if let Some(zone) = names().find(|name| name.eq_ignore_ascii_case(&wanted)).filter(|name| name.contains('/')) {
        return Some(zone);
    }
    // Several zones can end alike (`America/Indiana/Knox`, `America/Jamaica` and `Jamaica`): the plainest name with a
    // region before it is the one people mean.
    let mut fitting: Vec<String> = names()
        .filter(|name| name.rsplit_once('/').is_some_and(|(_, city)| city.eq_ignore_ascii_case(&wanted)))
        .filter(|name| !name.starts_with("Etc/"))
        .collect();
    fitting.sort_by_key(|name| (name.matches('/').count(), name.clone()));
    fitting.into_iter().next().or_else(|| names().find(|name| name.eq_ignore_ascii_case(&wanted)))
}

/// Gives each word a capital, unless the person has written some herself.
fn capitalised(place: &str) -> String {
    if place.contains(char::is_uppercase) || place.contains('/') {
        return place.to_owned();
    }
    let words = place.split(' ').map(|word| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cities_countries_and_zone_names_have_their_zone() {
        let table = [
            ("Tokyo", Some("Asia/Tokyo")),
            ("new york", Some("America/New_York")),
            ("Berlin", Some("Europe/Berlin")),
            ("  Los   Angeles ", Some("America/Los_Angeles")),
            ("munich", Some("Europe/Berlin")),
            ("San Francisco", Some("America/Los_Angeles")),
            ("the UK", Some("Europe/London")),
            ("europe/vienna", Some("Europe/Vienna")),
            ("Jamaica", Some("America/Jamaica")),
            ("Kolkata", Some("Asia/Kolkata")),
            ("UTC", Some("UTC")),
            ("Iceland", Some("Iceland")),
            ("Atlantis", None),
            ("", None),
        ];
        for (place, zone) in table {
            assert_eq!(zone_of(place).as_deref(), zone, "{place:?}");
        }
    }

    #[test]
    fn every_zone_in_the_list_exists() {
        for (place, zone) in PLACES {
            assert!(TimeZoneDatabase::bundled().get(zone).is_ok(), "{place}: {zone}");
        }
    }

    fn done(ok: bool, text: &str) -> [Done; 1] {
        [Done { ok, text: text.into() }]
    }

    #[test]
    fn the_answer_is_a_sentence_made_of_what_the_clock_said() {
        let told = done(true, "2026-11-21T18:30:00+09:00[Asia/Tokyo]\nSaturday");
        assert_eq!(
            time(Some("tokyo"), "UTC", &told),
            Move::Say("In Tokyo it is 18:30 on Saturday, 21 November 2026 (Asia/Tokyo).".into())
        );
        assert_eq!(
            time(None, "UTC", &done(true, "2026-11-21T09:30:00+00:00[UTC]")),
            Move::Say("It is 09:30 on Saturday, 21 November 2026 (UTC).".into())
        );
        assert_eq!(time(None, "UTC", &done(true, "half past nine")), Move::Say("half past nine".into()));
        assert_eq!(
            time(None, "UTC", &done(false, "no clock")),
            Move::Say("I could not read the clock: no clock".into())
        );
    }

    #[test]
    fn the_clock_is_asked_for_the_place_or_for_home() {
        let asked = |zone: &str| Move::Call { tool: "time_now", input: json!({ "timezone": zone }) };
        assert_eq!(time(Some("Tokyo"), "Europe/Berlin", &[]), asked("Asia/Tokyo"));
        assert_eq!(time(None, "Europe/Berlin", &[]), asked("Europe/Berlin"));
        assert!(matches!(time(Some("Atlantis"), "UTC", &[]), Move::Say(text) if text.contains("Atlantis")));
    }
}
