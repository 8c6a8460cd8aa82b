import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { BlockCache, lex } from "./blocks";
import { Markdown } from "./markdown";

const html = (text: string) => renderToStaticMarkup(<Markdown text={text} />);

const CORPUS = [
  "# Title\n\nA paragraph with **bold**, *em*, `code` and ~~old~~.\n\n- one\n- two\n  - nested\n\n    more\n\n1. first\n2. second\n",
  "| a | b |\n|:--|--:|\n| 1 | 2 |\n| 3 | 4 |\n\nafter\n",
  "```ts\nconst a = 1;\n\n// *not em*\n```\n\ntext\n\n~~~\nunclosed\n\n# still code",
  "Setext\n===\n\nAnother\n---\n\n> quote\nlazy\n\n> second\n\n---\n\n***\n\n    indented code\n\n    more\n\nend",
  "para\n- list at once\n\n\n- loose\n\ntext\n    not code\n\n- [ ] open\n- [x] done\n",
  "line one  \nline two\\\nline three\n\n[label]: https://example.com\n\n[label] and [x](https://example.com \"t\")\n",
  "<div>\n<b>raw</b>\n\n</div>\n\ntext <i>x</i> &amp; &lt;b&gt; &#x41;\n",
  "windows\r\nlines\r\n\r\n- a\r\n- b\r\n\r\n\ttab code\r\n",
  "1) a\n2) b\n\n* star\n+ plus\n\n## h ##\n#not\n\n\n\n\nmany\n\n* * *\nx\n",
];

describe("streaming", () => {
  for (const [at, text] of CORPUS.entries()) {
    it(`shows text ${at} in pieces exactly as it shows it whole`, () => {
      const whole = lex(text.replace(/\r\n?/g, "\n"));
      for (const size of [1, 2, 3, 7, 13]) {
        const cache = new BlockCache();
        for (let end = size; end < text.length + size; end += size) cache.update(text.slice(0, end));
        expect(cache.update(text)).toEqual(whole);
      }
    });
  }
  it("stays equal for long mixed texts cut anywhere", () => {
    let seed = 7;
    const next = (limit: number) => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      return seed % limit;
    };
    for (let round = 0; round < 60; round++) {
      const text = Array.from({ length: 6 }, () => CORPUS[next(CORPUS.length)]).join(round % 2 ? "\n" : "");
      const cache = new BlockCache();
      for (let end = 0; end < text.length; end += 1 + next(20)) cache.update(text.slice(0, end));
      expect(cache.update(text)).toEqual(lex(text.replace(/\r\n?/g, "\n")));
    }
  });
  it("keeps finished blocks as they are and starts anew for another text", () => {
    const cache = new BlockCache();
    const first = cache.update("# One\n\ntwo\n\nthr")[0];
    expect(cache.update("# One\n\ntwo\n\nthree")[0]).toBe(first);
    expect(cache.update("Other")).toEqual(lex("Other"));
  });
});

describe("hostile text", () => {
  const hostile = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "text <iframe src=javascript:alert(1)></iframe>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:x)",
    "[x](file:///etc/passwd)",
    "![x](javascript:alert(1))",
    "![x](https://evil.example/p.png?d=secret)",
    "[x](//evil.example/a)",
    "[x](/api/v1/auth/sign-out)",
    "<https://user:pass@evil.example>",
    "[bank.example](https://evil.example)",
    "[x](https://a\" onclick=\"alert(1))",
    "```html\n<script>alert(1)</script>\n```",
    "<style>*{display:none}</style>",
    "<svg/onload=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;script&#62;",
    "| <script>1</script> | [x](javascript:1) |\n|---|---|\n| <b onclick=1>x</b> | `<i>` |",
  ];
  it("never becomes markup, loads nothing, and leads only to http, https and mail", () => {
    for (const text of hostile) {
      const out = html(text);
      expect(out, text).not.toMatch(/<(script|img|iframe|style|svg(?! )|object|embed|form|link|meta|base)\b(?!.*aria-hidden)/i);
      expect(out, text).not.toMatch(/<[^>]*\son\w+=/i);
      for (const [, href] of out.matchAll(/href="([^"]*)"/g)) expect(href, text).toMatch(/^(https?:|mailto:)/);
      for (const [tag] of out.matchAll(/<a [^>]*>/g)) {
        expect(tag).toContain('rel="noopener noreferrer"');
        expect(tag).toContain("title=");
      }
    }
  });
  it("shows the true host behind a deceiving link, and a picture as a link", () => {
    expect(html("[bank.example](https://evil.example/x)")).toContain("(evil.example)");
    expect(html("[evil.example](https://evil.example/x)")).not.toContain("(evil.example)");
    expect(html("![cat](https://pics.example/c.png)")).toContain("(pics.example)");
    expect(html("![cat](https://pics.example/c.png)")).not.toContain("<img");
  });
  it("shows entities as characters and raw HTML as text", () => {
    expect(html("a &amp; b &lt;b&gt;")).toContain("a &amp; b &lt;b&gt;");
    expect(html("<b>x</b>")).toContain("&lt;b&gt;");
    expect(html("`&amp;`")).toContain("<code>&amp;amp;</code>");
  });
  it("keeps up with deep nesting and long lines", () => {
    expect(html("> ".repeat(60) + "deep").length).toBeGreaterThan(0);
    expect(html("*".repeat(3000) + "x").length).toBeGreaterThan(0);
    expect(html("[".repeat(500) + "x").length).toBeGreaterThan(0);
  });
});

describe("text that nobody would write", () => {
  it("is shown as text when it nests too deep to be read", () => {
    for (const marker of ["> ", "- ", "* ", "1. "]) {
      const source = marker.repeat(3000);
      expect(lex(source)).toEqual([expect.objectContaining({ type: "paragraph", text: source })]);
      expect(new BlockCache().update(`Before.\n\n${source}`).length).toBeGreaterThan(0);
    }
  });
});
