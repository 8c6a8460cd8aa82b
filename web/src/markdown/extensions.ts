// What Markdown lacks: maths and footnotes. Each rule decides from what stands before its end, never from what may
// follow, so that a text read in pieces becomes the same as the text read whole.
import type { Token, TokenizerExtension, Tokens } from "marked";

export interface MathToken extends Tokens.Generic {
  type: "mathBlock" | "mathInline";
  /** What TeX gets. Empty while the closing sign is missing: then it is shown as it was written. */
  tex: string;
  isDisplay: boolean;
}

export interface FootnoteToken extends Tokens.Generic {
  type: "footnote";
  name: string;
  tokens: Token[];
}

/** Longer than any formula that is read by people; TeX would be slow on it. */
const LONGEST_FORMULA = 4000;

/** A line that begins a formula even in the middle of a paragraph. It must have ended, or the next letter could change it. */
const INTERRUPTS = /\n {0,3}(?:\$\$[ \t]*\n|\\\[[ \t]*\n|\$\$[^$\n]+\$\$[ \t]*\n|\\\[[^\n]+?\\\][ \t]*\n)/;
const OPENS_ALONE = /^ {0,3}(?:\$\$|\\\[)[ \t]*\n/;
const CLOSED = /^ {0,3}(?:\$\$([^$]+?)\$\$|\\\[([\s\S]+?)\\\])[ \t]*(?:\n|$)/;

/** A formula on lines of its own, up to its closing sign; an empty line ends it in any case, as in TeX. */
const mathBlock: TokenizerExtension = {
  name: "mathBlock",
  level: "block",
  start: (source) => lineAfter(source.search(INTERRUPTS)),
  tokenizer(source): MathToken | undefined {
    if (!/^ {0,3}(?:\$\$|\\\[)/.test(source)) return undefined;
    const empty = /\n[ \t]*(?:\n|$)/.exec(source);
    const part = empty ? source.slice(0, empty.index + 1) : source;
    const closed = CLOSED.exec(part);
    if (closed) return { type: "mathBlock", raw: closed[0], tex: formula(closed[1] ?? closed[2]), isDisplay: true };
    if (!OPENS_ALONE.test(part)) return undefined;
    return { type: "mathBlock", raw: part, tex: "", isDisplay: true };
  },
};

const INLINE: ReadonlyArray<{ rule: RegExp; isDisplay: boolean }> = [
  { rule: /^\$\$([^$]+?)\$\$/, isDisplay: true },
  { rule: /^\\\[([\s\S]+?)\\\]/, isDisplay: true },
  { rule: /^\\\(([\s\S]+?)\\\)/, isDisplay: false },
  // "$5 and $10" is money: a formula touches its signs, and no letter or digit touches them from outside.
  { rule: /^\$(?![\s$])((?:\\[^\n]|[^\\$\n])*?[^\s\\$])\$(?![0-9A-Za-z$])/, isDisplay: false },
];

const mathInline: TokenizerExtension = {
  name: "mathInline",
  level: "inline",
  start: (source) => source.search(/\$|\\[([]/),
  tokenizer(source, tokens): MathToken | undefined {
    if (source[0] !== "$" && source[0] !== "\\") return undefined;
    if (source[0] === "$" && /[0-9A-Za-z$]$/.test(tokens.at(-1)?.raw ?? "")) return undefined;
    for (const { rule, isDisplay } of INLINE) {
      const found = rule.exec(source);
      if (found) return { type: "mathInline", raw: found[0], tex: formula(found[1]), isDisplay };
    }
    return undefined;
  },
};

const FOOTNOTE = /^\[\^([^\]\s]{1,40})\]:[ \t]*([^\n]*(?:\n(?:[ \t]*\n)*(?: {2,}|\t)[ \t]*\S[^\n]*)*)(?:\n|$)/;

/** `[^1]: text`, with more lines and blocks as long as they are indented. */
const footnote: TokenizerExtension = {
  name: "footnote",
  level: "block",
  childTokens: ["tokens"],
  start: (source) => lineAfter(source.search(/\n\[\^[^\]\s]{1,40}\]:/)),
  tokenizer(source): FootnoteToken | undefined {
    const found = FOOTNOTE.exec(source);
    if (!found) return undefined;
    const text = (found[2] ?? "").replace(/\n(?: {2,4}|\t)/g, "\n");
    return { type: "footnote", raw: found[0], name: found[1] ?? "", tokens: this.lexer.blockTokens(text, []) };
  },
};

const footnoteMark: TokenizerExtension = {
  name: "footnoteMark",
  level: "inline",
  start: (source) => source.indexOf("[^"),
  tokenizer(source) {
    const found = /^\[\^([^\]\s]{1,40})\](?!\()/.exec(source);
    return found ? { type: "footnoteMark", raw: found[0], name: found[1] } : undefined;
  },
};

export const extensions = [mathBlock, mathInline, footnote, footnoteMark];

/** A heading underlined with `===` may have several lines; where one of ours begins among them, it has not. */
export function isInterrupted(lines: string): boolean {
  return [mathBlock, footnote].some(({ start }) => start && Number(start.call({} as never, lines)) >= 0);
}

/** Where the line after a line break begins. */
const lineAfter = (at: number): number => (at < 0 ? -1 : at + 1);

function formula(text: string | undefined): string {
  const tex = (text ?? "").trim();
  return tex.length <= LONGEST_FORMULA ? tex : "";
}
