//! Privacy, cookies and terms. The first two are written from the register, so they say what the program does.

use super::html::Page;
use crate::platform::Operator;
use ally_types::register::{Entry, Place, Register};

const NOBODY: &str = "whoever runs this installation";

fn name_of(operator: &Operator) -> &str {
    if operator.name.is_empty() { NOBODY } else { &operator.name }
}

pub(super) fn privacy(register: Register, operator: &Operator) -> Page {
    let mut page = Page::new("Privacy").versioned();
    page.raw("<article>\n<h1>Privacy</h1>\n<p class=\"lead\">This page is written by the program from the list of everything it keeps. \
              A table, file, cookie or outside service that is not on the list cannot be built in.</p>\n");
    page.raw("<h2>Who is responsible</h2>\n<p>Responsible is ").text(name_of(operator)).raw(".");
    if !operator.contact.is_empty() {
        page.raw(" You reach them at ").text(&operator.contact).raw(".");
    }
    page.raw("</p>\n<h2>In short</h2>\n<ul>\n\
              <li>Your chats, notes and files are kept in a private space that belongs to you alone.</li>\n\
              <li>The part that signs you in never receives a word of them.</li>\n\
              <li>What you write goes to an AI provider only if one is connected, and only to answer you.</li>\n\
              <li>No advertising, no sale of data, no training on what you write, no tracking.</li>\n\
              <li>Your network address is used against abuse and for nothing else, and is kept only in shortened form.</li>\n\
              <li>Your password is kept as a bcrypt hash only.</li>\n</ul>\n");
    let of = |store: &'static str| move |entry: &&Entry| store_of(entry) == Some(store);
    let elsewhere = |entry: &&Entry| store_of(entry).is_none() && matches!(entry.place, Place::File { .. });
    let outside = |entry: &&Entry| matches!(entry.place, Place::Host { .. });
    let pick = |wanted: &dyn Fn(&&Entry) -> bool| all(register).filter(|entry| wanted(entry)).collect::<Vec<_>>();
    let own = "Kept in your own private space, readable for your own assistant only.";
    let gateway = "The part through which everything passes. It keeps counts, which hosts were called, and which you allowed; no \
                   content.";
    for (title, about, entries) in [
        ("Your private space", own, pick(&of("assistant"))),
        ("Your account", "Kept by the part that signs you in.", pick(&of("platform"))),
        ("The gateway", gateway, pick(&of("gateway"))),
        ("Everything else on the machine", "", pick(&elsewhere)),
        ("Outside services", "Called only when somebody connected or allowed them.", pick(&outside)),
    ] {
        if entries.is_empty() {
            continue;
        }
        page.element("h2", title);
        if !about.is_empty() {
            page.element("p", about);
        }
        for entry in entries {
            write(entry, &mut page);
        }
    }
    page.raw("<h2>In your browser</h2>\n<p>See the <a href=\"/legal/cookies\">cookie page</a>.</p>\n");
    page.raw("<h2>What you can ask for</h2>\n<p>You may see, correct, take with you and delete what is kept about you, object to its use, and \
              complain to the data protection authority where you live. Your name and time zone can be changed in Settings; for anything \
              that Settings does not offer yet, write to ")
        .text(name_of(operator))
        .raw(".</p>\n</article>\n");
    page
}

pub(super) fn cookies(register: Register) -> Page {
    let mut page = Page::new("Cookies").versioned();
    page.raw("<article>\n<h1>Cookies</h1>\n<p class=\"lead\">This is the whole list of what Ally leaves in your browser. All of it is needed for \
              what you ask for, so there is nothing to agree to and no banner.</p>\n<h2>Cookies</h2>\n");
    write_all(register, &mut page, |entry| matches!(entry.place, Place::Cookie { .. }));
    page.raw(
        "<p>Over HTTPS the name begins with <code>__Host-</code>, which ties the cookie to this very site.</p>\n\
         <h2>Local storage</h2>\n",
    );
    write_all(register, &mut page, |entry| matches!(entry.place, Place::StorageKey { .. }));
    page.raw("</article>\n");
    page
}

fn all(register: Register) -> impl Iterator<Item = &'static Entry> {
    register.iter().flat_map(|part| part.iter())
}

fn write_all(register: Register, page: &mut Page, belongs: fn(&Entry) -> bool) {
    let entries: Vec<&Entry> = all(register).filter(|entry| belongs(entry)).collect();
    if entries.is_empty() {
        page.element("p", "None.");
    }
    for entry in entries {
        write(entry, page);
    }
}

/// Whose database or directory an entry belongs to.
fn store_of(entry: &Entry) -> Option<&'static str> {
    match entry.place {
        Place::Columns { store, .. } => Some(store),
        Place::File { pattern } => match pattern.split('/').next() {
            Some("people") => Some("assistant"),
            Some("platform") => Some("platform"),
            Some("gateway") => Some("gateway"),
            _ => None,
        },
        Place::Cookie { .. } | Place::StorageKey { .. } | Place::Host { .. } => None,
    }
}

fn write(entry: &Entry, page: &mut Page) {
    page.raw("<section class=\"entry\">\n").element("h3", entry.what);
    page.raw("<dl>\n<div><dt>Why</dt><dd>").text(entry.purpose).raw("</dd></div>\n");
    page.raw("<div><dt>On what ground</dt><dd>").text(entry.basis.in_words()).raw("</dd></div>\n");
    page.raw("<div><dt>How long</dt><dd>").text(&entry.kept.in_words()).raw("</dd></div>\n");
    page.raw("<div><dt>Who else receives it</dt><dd>");
    page.text(&if entry.recipients.is_empty() { "nobody".to_owned() } else { entry.recipients.join(", ") });
    page.raw("</dd></div>\n<div><dt>Where</dt><dd>");
    match entry.place {
        Place::Columns { store, table, columns } => {
            page.raw("table <code>").text(store).raw("/").text(table).raw("</code>: ").text(&columns.join(", "));
        }
        Place::File { pattern } => {
            page.raw("file <code>").text(pattern).raw("</code>");
        }
        Place::Cookie { name } => {
            page.raw("cookie <code>").text(name).raw("</code>");
        }
        Place::StorageKey { key } => {
            page.raw("key <code>").text(key).raw("</code>");
        }
        Place::Host { host } => {
            page.raw("<code>").text(host).raw("</code>");
        }
    }
    page.raw("</dd></div>\n</dl>\n</section>\n");
}

pub(super) fn terms(operator: &Operator) -> Page {
    let mut page = Page::new("Terms").versioned();
    page.raw("<article>\n<h1>Terms</h1>\n<p class=\"lead\">Ally is free software that somebody runs for you. These are the rules of this \
              installation, in plain words.</p>\n<h2>Between whom</h2>\n<p>Between you and ")
        .text(name_of(operator));
    if !operator.contact.is_empty() {
        page.raw(" (").text(&operator.contact).raw(")");
    }
    page.raw(
        r#". The authors of Ally are no party to them; their
software comes under the MIT or Apache 2.0 licence, without warranty.</p>
<h2>What you may expect</h2>
<ul>
<li>Your things stay yours. Nobody gains a right to what you write beyond what is needed to run Ally for you.</li>
<li>Ally has no way yet to send something in your name, to pay or to publish.</li>
<li>The installation may stop, break or be closed. You will be told before it is closed where that is possible.</li>
</ul>
<h2>What is expected of you</h2>
<ul>
<li>You are 18 or older.</li>
<li>You keep your password to yourself, and say so when somebody else has it.</li>
<li>You do not use Ally to break the law, to harm people, or to get into what is not yours.</li>
<li>You check what matters. An AI model can be wrong, also when it sounds certain; it does not replace a doctor, a lawyer
or your own judgement.</li>
<li>If you connect your own key of an AI provider, that provider’s terms hold between you and it.</li>
</ul>
<h2>Ending</h2>
<p>You may stop using Ally at any time. Whoever runs the installation may close an account that is used against these
rules, and says why.</p>
<h2>Liability</h2>
<p>What the law does not allow to be excluded is not excluded. Beyond that, Ally is offered as it is, without payment and
without warranty.</p>
<h2>Changes</h2>
<p>When these terms change, their version changes; the one in force is always on this page.</p>
</article>
"#,
    );
    page
}
