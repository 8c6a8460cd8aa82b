//! A page of HTML whose texts are always escaped.

use ally_http::page::{Ways, escape, framed};
use std::fmt::Write as _;

/// A page under construction. Only [`Page::raw`] takes markup, and only markup that is written in this program.
pub(super) struct Page {
    title: &'static str,
    body: String,
    shows_version: bool,
}

impl Page {
    /// An empty page with its title.
    pub(super) fn new(title: &'static str) -> Self {
        Self { title, body: String::new(), shows_version: false }
    }

    /// Says at its end which version it is.
    pub(super) fn versioned(mut self) -> Self {
        self.shows_version = true;
        self
    }

    /// What was written so far.
    pub(super) fn body(&self) -> &str {
        &self.body
    }

    /// Adds markup.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.body.push_str(markup);
        self
    }

    /// Adds text.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        escape(text, &mut self.body);
        self
    }

    /// Adds an element that holds text.
    pub(super) fn element(&mut self, name: &'static str, text: &str) -> &mut Self {
        let _ = write!(self.body, "<{name}>");
        escape(text, &mut self.body);
        let _ = writeln!(self.body, "</{name}>");
        self
    }

    /// The whole document.
    pub(super) fn render(&self, version: &str) -> String {
        let mut body = self.body.clone();
        if self.shows_version {
            body.push_str("<p class=\"version\">Version <code>");
            escape(version, &mut body);
            body.push_str(
                "</code>. It is a digest of this text, so it changes whenever a word does. When you sign up, \
                           the version that you accept is kept with your account.</p>\n",
            );
        }
        framed(self.title, &body, Ways::Shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_become_markup() {
        let mut page = Page::new("Ally");
        page.element("p", "<script>alert('\"&')</script>");
        assert_eq!(page.body(), "<p>&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;</p>\n");
    }
}
