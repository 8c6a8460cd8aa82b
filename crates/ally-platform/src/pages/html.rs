//! A page of HTML whose texts are always escaped.

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
        let mut page = String::with_capacity(self.body.len() + 4096);
        page.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        page.push_str("<meta name=\"color-scheme\" content=\"light dark\">\n");
        page.push_str("<link rel=\"icon\" type=\"image/svg+xml\" href=\"/favicon.svg\">\n");
        page.push_str("<link rel=\"stylesheet\" href=\"/public.css\">\n<title>");
        escape(self.title, &mut page);
        page.push_str(if self.title == "Ally" { "" } else { " · Ally" });
        page.push_str("</title>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the text</a>\n");
        page.push_str(
            "<header><div class=\"wide bar\"><a class=\"name\" href=\"/\">\
             <svg viewBox=\"0 0 24 24\" width=\"26\" height=\"26\" aria-hidden=\"true\"><rect width=\"24\" height=\"24\" rx=\"5\" fill=\"#14534a\"/>\
             <path d=\"M8 4.5v15\" stroke=\"#8cc8b8\" stroke-width=\"1.5\"/><circle cx=\"8\" cy=\"8\" r=\"2.6\" fill=\"#fff\"/>\
             <circle cx=\"8\" cy=\"16\" r=\"2.6\" fill=\"#e0a83c\"/><path d=\"M13 8h5M13 16h4\" stroke=\"#fff\" stroke-width=\"2\" \
             stroke-linecap=\"round\"/></svg>Ally</a>\
             <nav aria-label=\"Account\"><a href=\"/app/sign-in\">Sign in</a>\
             <a class=\"button\" href=\"/app/sign-up\">Sign up</a></nav></div></header>\n<main id=\"main\">\n",
        );
        page.push_str(&self.body);
        if self.shows_version {
            page.push_str("<p class=\"version\">Version <code>");
            escape(version, &mut page);
            page.push_str(
                "</code>. It is a digest of this text, so it changes whenever a word does. When you sign up, \
                           the version that you accept is kept with your account.</p>\n",
            );
        }
        page.push_str(
            "</main>\n<footer><div class=\"wide\"><nav aria-label=\"Pages\"><a href=\"/docs\">First steps</a>\
             <a href=\"/changelog\">What changed</a><a href=\"/legal/privacy\">Privacy</a>\
             <a href=\"/legal/cookies\">Cookies</a><a href=\"/legal/terms\">Terms</a></nav></div></footer>\n\
             </body>\n</html>\n",
        );
        page
    }
}

fn escape(text: &str, into: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&#39;"),
            other => into.push(other),
        }
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
