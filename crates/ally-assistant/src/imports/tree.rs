//! From the nodes of another assistant's conversation to messages of ours: what is hidden goes, what was said keeps its
//! versions, and what is shown is what was shown there last.

use crate::messages::Role;
use ally_types::Content;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// A node there.
pub struct Thing {
    /// Its name.
    pub name: String,
    /// The name of the one before it.
    pub parent: Option<String>,
    /// When it was made, in milliseconds; 0 if nobody knows.
    pub at: i64,
    /// Who says what, and which model; nothing if the person does not see it.
    pub said: Option<(Role, String, Option<String>)>,
}

/// A message of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Who speaks.
    pub role: Role,
    /// The words.
    pub text: Content,
    /// Which model, if it says so.
    pub model: Option<String>,
    /// When, in milliseconds; 0 if nobody knows.
    pub at: i64,
    /// The message before it, by its place in the list.
    pub parent: Option<usize>,
    /// Whether it is chosen of those that stand in its place.
    pub is_chosen: bool,
    /// Whether it is shown.
    pub is_shown: bool,
}

/// The messages, in an order in which each stands behind its parent and otherwise by time.
pub fn grown(things: Vec<Thing>, current: Option<&str>) -> Vec<Said> {
    let places: HashMap<&str, usize> = things.iter().enumerate().map(|(at, thing)| (thing.name.as_str(), at)).collect();
    let parents: Vec<Option<usize>> = things
        .iter()
        .enumerate()
        .map(|(at, thing)| {
            thing.parent.as_deref().and_then(|name| places.get(name).copied()).filter(|parent| *parent != at)
        })
        .collect();
    let current = current.and_then(|name| places.get(name).copied());
    drop(places);
    let order = in_order(&things, &parents);
    let mut way = vec![false; things.len()];
    let mut cursor = current.filter(|at| order.contains(at)).or_else(|| order.last().copied());
    while let Some(at) = cursor.filter(|at| !std::mem::replace(&mut way[*at], true)) {
        cursor = parents[at];
    }
    let (said, is_on_way) = spoken(things, &parents, &order, &way);
    chosen(said, &is_on_way)
}

/// Every node that hangs together with a beginning, parents first, otherwise by time. What goes in a circle does not.
fn in_order(things: &[Thing], parents: &[Option<usize>]) -> Vec<usize> {
    let mut children = vec![Vec::new(); things.len()];
    let mut open = BinaryHeap::new();
    for (at, parent) in parents.iter().enumerate() {
        match parent {
            Some(parent) => children[*parent].push(at),
            None => open.push(Reverse((things[at].at, at))),
        }
    }
    let mut order = Vec::with_capacity(things.len());
    while let Some(Reverse((time, at))) = open.pop() {
        order.push(at);
        // Nothing was said before what it answers.
        open.extend(children[at].iter().map(|child| Reverse((things[*child].at.max(time), *child))));
    }
    order
}

/// What was said. An answer that goes on behind a step that is not shown is one message.
fn spoken(mut things: Vec<Thing>, parents: &[Option<usize>], order: &[usize], way: &[bool]) -> (Vec<Said>, Vec<bool>) {
    // For each node, the nearest that speaks: itself or one before it.
    let mut nearest = vec![None; things.len()];
    let mut behind = vec![0_u32; things.len()];
    for &at in order {
        let before: Option<usize> = parents[at].and_then(|parent| nearest[parent]);
        let speaks = things[at].said.as_ref().is_some_and(|(_, text, _)| !text.trim().is_empty());
        nearest[at] = if speaks { Some(at) } else { before };
        if let Some(before) = before.filter(|_| speaks) {
            behind[before] += 1;
        }
    }
    let mut said: Vec<Said> = Vec::new();
    let mut is_on_way = Vec::new();
    let mut places = vec![None; things.len()];
    for &at in order.iter().filter(|at| nearest[**at] == Some(**at)) {
        let Some((role, text, model)) = things[at].said.take() else { continue };
        let before = parents[at].and_then(|parent| nearest[parent]);
        let parent: Option<usize> = before.and_then(|before| places[before]);
        let is_alone = before.is_some_and(|before| behind[before] == 1);
        if let Some(place) = parent.filter(|place| is_alone && role == Role::Assistant && said[*place].role == role) {
            said[place].text.push_str("\n\n");
            said[place].text.push_str(&text);
            said[place].model = model.or(said[place].model.take());
            is_on_way[place] |= way[at];
            places[at] = Some(place);
            continue;
        }
        places[at] = Some(said.len());
        let text = text.into();
        said.push(Said { role, text, model, at: things[at].at, parent, is_chosen: false, is_shown: false });
        is_on_way.push(way[at]);
    }
    (said, is_on_way)
}

/// Of those that stand in one place, the one on the way is chosen, else the last; shown is what the chosen ones lead to.
fn chosen(mut said: Vec<Said>, is_on_way: &[bool]) -> Vec<Said> {
    let mut best: HashMap<Option<usize>, usize> = HashMap::new();
    for (at, message) in said.iter().enumerate() {
        let known = best.entry(message.parent).or_insert(at);
        if !is_on_way[*known] {
            *known = at;
        }
    }
    for at in 0..said.len() {
        let parent = said[at].parent;
        said[at].is_chosen = best.get(&parent) == Some(&at);
        said[at].is_shown = said[at].is_chosen && parent.is_none_or(|parent| said[parent].is_shown);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name parent at words`: a capital letter speaks for the person, a small one for the assistant, `-` is hidden.
    fn grow(lines: &[&str], current: Option<&str>) -> Vec<String> {
        let things = lines.iter().map(|line| {
            let parts: Vec<_> = line.split(' ').collect();
            let role = if parts[3].starts_with(char::is_uppercase) { Role::User } else { Role::Assistant };
            let said = (parts[3] != "-").then(|| (role, parts[3].to_owned(), None));
            let parent = (parts[1] != ".").then(|| parts[1].to_owned());
            Thing { name: parts[0].to_owned(), parent, at: parts[2].parse().expect("a number"), said }
        });
        let said = grown(things.collect(), current);
        let text = |said: &Said| said.text.expose().replace("\n\n", "+");
        let line = |message: &Said| {
            let parent = message.parent.map_or_else(|| ".".to_owned(), |parent| text(&said[parent]));
            let mark = if message.is_shown {
                "shown"
            } else if message.is_chosen {
                "chosen"
            } else {
                ""
            };
            format!("{} behind {parent} {mark}", text(message)).trim_end().to_owned()
        };
        said.iter().map(line).collect()
    }

    #[test]
    fn versions_come_along_and_the_way_that_was_shown_is_shown() {
        let lines =
            ["r . 0 -", "q r 1 Ask", "a q 2 one", "b q 3 two", "c b 4 More", "d c 5 end", "e r 6 Edited", "f e 7 new"];
        assert_eq!(
            grow(&lines, Some("d")),
            [
                "Ask behind . shown",
                "one behind Ask",
                "two behind Ask shown",
                "More behind two shown",
                "end behind More shown",
                "Edited behind .",
                "new behind Edited chosen",
            ]
        );
        assert!(grow(&lines, Some("nowhere")).contains(&"new behind Edited shown".to_owned()), "else the newest");
    }

    #[test]
    fn what_is_said_around_hidden_steps_is_one_answer() {
        let lines = ["q . 1 Ask", "a q 2 first", "t a 3 -", "b t 4 then", "Q b 5 More", "R Q 6 Still"];
        assert_eq!(
            grow(&lines, Some("R")),
            [
                "Ask behind . shown",
                "first+then behind Ask shown",
                "More behind first+then shown",
                "Still behind More shown"
            ]
        );
        let forked = ["q . 1 Ask", "a q 2 first", "t a 3 -", "b t 4 then", "c t 5 else"];
        assert_eq!(
            grow(&forked, Some("b")),
            ["Ask behind . shown", "first behind Ask shown", "then behind first shown", "else behind first"]
        );
    }

    #[test]
    fn circles_strangers_and_empty_words_do_no_harm() {
        assert_eq!(grow(&["a b 1 x", "b a 2 y"], Some("a")), Vec::<String>::new());
        assert_eq!(grow(&["a a 1 X"], None), ["X behind . shown"]);
        assert_eq!(grow(&["a gone 2 X", "b a 1 y"], Some("b")), ["X behind . shown", "y behind X shown"]);
        assert_eq!(grow(&[], None), Vec::<String>::new());
    }
}
