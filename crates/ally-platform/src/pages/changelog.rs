//! What changed, from the files under `changes/`.

use super::html::Page;

/// One text per change, newest first.
const CHANGES: &[&str] = include!(concat!(env!("OUT_DIR"), "/changes.rs"));

pub(super) fn page() -> Page {
    let mut page = Page::new("What changed");
    page.raw("<article>\n<h1>What changed</h1>\n");
    if CHANGES.is_empty() {
        page.element("p", "Nothing has been written down yet.");
    }
    for change in CHANGES {
        page.raw("<section>\n");
        write(change, &mut page);
        page.raw("</section>\n");
    }
    page.raw("</article>\n");
    page
}

/// The little of Markdown that changes use: headings, lists and paragraphs, with `code` in them.
fn write(markdown: &str, page: &mut Page) {
    let mut lines = markdown.lines().map(str::trim_end).peekable();
    if lines.peek() == Some(&"---") {
        lines.next();
        while lines.next_if(|line| *line != "---").is_some() {}
        lines.next();
    }
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        if let Some(title) = line.strip_prefix('#') {
            page.raw("<h2>").spans(title.trim_start_matches('#').trim()).raw("</h2>\n");
        } else if is_item(line) {
            page.raw("<ul>\n");
            let mut item = line[2..].to_owned();
            while let Some(next) = lines.next_if(|next| !next.is_empty() && !next.starts_with('#')) {
                if is_item(next) {
                    page.raw("<li>").spans(&item).raw("</li>\n");
                    item = next[2..].to_owned();
                } else {
                    item.push(' ');
                    item.push_str(next.trim_start());
                }
            }
            page.raw("<li>").spans(&item).raw("</li>\n</ul>\n");
        } else {
            let mut paragraph = line.to_owned();
            while let Some(next) = lines.next_if(|next| !next.is_empty() && !next.starts_with('#') && !is_item(next)) {
                paragraph.push(' ');
                paragraph.push_str(next.trim_start());
            }
            page.raw("<p>").spans(&paragraph).raw("</p>\n");
        }
    }
}

fn is_item(line: &str) -> bool {
    line.starts_with("- ") || line.starts_with("* ")
}

impl Page {
    /// Text in which `code` is marked.
    fn spans(&mut self, text: &str) -> &mut Self {
        for (at, part) in text.split('`').enumerate() {
            if at % 2 == 1 {
                self.raw("<code>").text(part).raw("</code>");
            } else {
                self.text(&part.replace("**", ""));
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_becomes_headings_lists_and_paragraphs() {
        let mut page = Page::new("What changed");
        write("---\nkind: added\n---\n# Chat\n\nYou can `write`\nnow.\n\n- one <b>\n  more\n- two\n", &mut page);
        assert_eq!(
            page.body(),
            "<h2>Chat</h2>\n<p>You can <code>write</code> now.</p>\n<ul>\n<li>one &lt;b&gt; more</li>\n<li>two</li>\n</ul>\n"
        );
    }
}
