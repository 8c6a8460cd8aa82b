import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { BlockCache, lex, type Token, type Tokens } from "./blocks";
import { colourCode } from "./colour";
import type { MathToken } from "./extensions";
import { LANGUAGES, languageOf } from "./languages";
import { Markdown } from "./markdown";
import { formula } from "./maths";
import { tableAsMarkdown, tableAsTsv } from "./tables";

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
  "Euler: $e^{i\\pi}+1=0$ and \\(a*b*c\\), $5 and $10, US$5/$6.\n\n$$\n\\int_0^1 x\n- y\n= z\n$$\n\n\\[\n\\sum_i a_i\n\\]\nafter\n",
  "before\n$$\nopen\n\nand on\n\n$$x$$\n$$y$$ is inline\ntext\n$$z$$\nmore \\[ w\n = 1 \\] end $$ \n\n$$ a\n- b\n\n- c $$\n",
  "One[^1], two[^note] and none[^gone].\n[^1]: The first.\n[^note]: The second\n    goes on\n\n    - with a list\n    - of two\n\n  and this\n\nnot this [^1]: inline\n[^2]:\n[^3]: last",
  "- a\n  - b\n    1. c\n       - [ ] d\n       - [x] e $x$\n  - f[^1]\n\n  | t | u |\n  |---|---|\n  | 1 | $2 |\n- g\n\n  ```rust\n  fn main() {}\n  ```\n$$\nlazy\n$$\n",
  "none\n[^9]: last\nSetext\n===\nand\n$$\nx\n$$\nmore\n---\n",
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
    "[^1]: <script>1</script> [x](javascript:1)\n\ntext[^1] [^<b>]",
    "$<script>alert(1)</script>$ \\(\\href{javascript:alert(1)}{x}\\)",
    "$$\n\\includegraphics{https://evil.example/p.png}\n$$",
    "[^1](javascript:1) [^javascript:1]: x",
    "```\"onmouseover=alert(1)\nx\n```",
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
  it("names the host behind every link whose words do not", () => {
    expect(html("[contract](https://host.example/x)")).toContain("(host.example)");
    expect(html("https://host.example/x")).not.toContain("(host.example)");
    expect(html("[see bank.example](https://evil.example)")).toContain("(evil.example)");
    expect(html("[www.bank.example and evil.example](https://evil.example)")).toContain("(evil.example)");
    expect(html("[write](mailto:a@host.example)")).toContain("(a@host.example)");
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

const types = (tokens: Token[] | undefined): unknown[] => (tokens ?? []).map((token) => (token.type === "mathInline" ? [token.tex, token.isDisplay] : token.type));

describe("maths", () => {
  const cases: Array<[text: string, inline: unknown[]]> = [
    ["so $a+b$ it is", ["text", ["a+b", false], "text"]],
    ["\\(a*b*c\\)", [["a*b*c", false]]],
    ["a \\[x^2\\] b $$y$$", ["text", ["x^2", true], "text", ["y", true]]],
    ["$5 and $10, (or $6m), US$5/$6", ["text"]],
    ["$HOME/bin:$PATH", ["text"]],
    ["`$x$` \\$x$", ["codespan", "text", "escape", "text"]],
    ["it is $x", ["text"]],
  ];
  for (const [text, expected] of cases) {
    it(`reads ${text}`, () => {
      const [paragraph] = lex(text);
      expect(types((paragraph as Tokens.Paragraph).tokens)).toEqual(expected);
    });
  }
  it("stands in blocks of its own, also in the middle of a paragraph", () => {
    expect(lex("text\n$$\na\n- b\n$$\nmore").map((token) => [token.type, (token as MathToken).tex])).toEqual([["paragraph", undefined], ["mathBlock", "a\n- b"], ["paragraph", undefined]]);
    expect(lex("$$ a = 1 $$").map((token) => (token as MathToken).tex)).toEqual(["a = 1"]);
    expect(html("$$\nnever closed\n\nnext")).toContain("never closed");
  });
  const drawn = (tex: string, isDisplay = false) => renderToStaticMarkup(<>{formula(tex, isDisplay)}</>);
  it("becomes MathML", () => {
    expect(drawn("\\frac{a}{b}", true)).toMatch(/^<math display="block".*<mfrac>.*<\/math>$/);
    expect(drawn("x_1 + \\sqrt{2}")).toContain("<msqrt>");
  });
  it("leaves what is no TeX, and what would lead or load elsewhere", () => {
    for (const tex of ["\\frac{", "\\nosuchcommand", "}{"]) expect(formula(tex, false), tex).toBe(null);
    for (const tex of ["\\href{https://evil.example}{x}", "\\url{https://evil.example}", "\\includegraphics{https://evil.example/p.png}", "\\class{x}{y}", "\\id{x}{y}", "\\style{background:url(https://evil.example)}{x}", "\\data{a=b}{c}", "\\text{<script>}"]) {
      expect(drawn(tex), tex).not.toMatch(/evil\.example"|<(a|img|script|span)\b|href|src=|class=|id=|url\(/);
    }
  });
  it("stays in its place and ends, whatever it asks for", () => {
    for (const tex of ["\\hspace{-40em}x", "\\hspace{99999em}x", "\\raisebox{-90em}{x}", "\\rule{9999em}{9999em}", "\\kern-99em x", "\\mathllap{\\hspace{90em}x}"]) {
      for (const number of drawn(tex).matchAll(/="(?:[^"]*?)(-?\d+(?:\.\d+)?)em/g)) expect(Math.abs(Number(number[1])), tex).toBeLessThanOrEqual(100);
      expect(drawn(tex), tex).not.toMatch(/-(?:[2-9]|\d\d)\d*(?:\.\d+)?em/);
    }
    expect(formula("\\def\\x{\\x\\x}\\x", false)).toBe(null);
    expect(drawn("{".repeat(300) + "x" + "}".repeat(300)).length).toBeGreaterThan(-1);
  });
});

describe("footnotes", () => {
  const text = "One[^a], two[^b], none[^c].\n\n[^b]: The *second*.\n[^a]: The first\n    goes on.\n";
  it("are gathered at the end and numbered, and a mark without one stays text", () => {
    const out = html(text);
    expect(out.indexOf("The <em>second</em>")).toBeGreaterThan(out.indexOf("none[^c]"));
    expect([...out.matchAll(/aria-label="Footnote (\d)"/g)].map((found) => found[1])).toEqual(["2", "1"]);
    expect(out).toContain("Back to where footnote 2 is named");
    expect(out).toContain("The first\ngoes on.");
  });
  it("do not begin in the middle of a line", () => {
    expect(lex("not [^1]: here").map((token) => token.type)).toEqual(["paragraph"]);
  });
});

describe("task lists", () => {
  it("have one box for each task, tight or loose", () => {
    for (const text of ["- [x] a\n- [ ] b", "- [x] a\n\n- [ ] b\n  - [ ] c"]) {
      const out = html(text);
      expect([...out.matchAll(/aria-label="(Done|Open)"/g)].map((found) => found[1])).toEqual(text.includes("c") ? ["Done", "Open", "Open"] : ["Done", "Open"]);
      expect(out).not.toMatch(/\[[ x]\]/);
    }
  });
});

describe("tables", () => {
  const table = lex("| a | **b** | c |\n|:--|--:|:-:|\n| x \\| y | -5 % | =HYPERLINK(1) |\n| `q` | [w](https://h.example) | -x+1 |\n")[0] as Tokens.Table;
  it("are copied for a spreadsheet as text, and nothing in them runs there", () => {
    expect(tableAsTsv(table)).toBe("a\tb\tc\nx | y\t-5 %\t'=HYPERLINK(1)\nq\tw\t'-x+1");
  });
  it("are copied as Markdown that means the same", () => {
    const copy = lex(tableAsMarkdown(table))[0] as Tokens.Table;
    expect([copy.align, copy.header, copy.rows]).toEqual([table.align, table.header, table.rows]);
  });
});

describe("code", () => {
  it("names its language in words", () => {
    expect(["ts", "C++ {1,2}", "sh", "", "brainfuck"].map((info) => languageOf(info))).toEqual([
      { name: "TypeScript", grammar: "typescript" },
      { name: "C++", grammar: "cpp" },
      { name: "Shell", grammar: "bash" },
      { name: "", grammar: null },
      { name: "brainfuck", grammar: null },
    ]);
  });
  it("is coloured without losing a letter", async () => {
    const text = "// sum\nconst total: number = 940 * 2;\n\n  return `a${total}`;\n\tend";
    const lines = await colourCode(text, "typescript");
    expect(lines?.map((line) => line.map(([, piece]) => piece).join("")).join("\n")).toBe(text);
    expect(lines?.[0]).toEqual([[1, "// sum"]]);
    expect(lines?.[1]?.[0]).toEqual([3, "const"]);
  });
  it("stays plain in a language that nobody knows, and where it is very long", async () => {
    expect(await colourCode("x", "brainfuck")).toBe(null);
    expect(await colourCode("x".repeat(70_000), "json")).toBe(null);
  });
  it("has a grammar for every language that it names", async () => {
    for (const language of LANGUAGES) expect(await colourCode("a = 1", language), language).not.toBe(null);
  }, 60_000);
});
