// Markdown into blocks. While a text streams in, finished blocks are frozen and only the last one is read again.
import { Marked, type Token, type Tokens } from "marked";
import { extensions, isInterrupted } from "./extensions";

export type { Token, Tokens };

// Reference links are switched off: a definition at the end of a text would change blocks that are already frozen.
const marked = new Marked({
  gfm: true,
  extensions,
  tokenizer: {
    def: () => undefined,
    reflink: () => undefined,
    lheading(source) {
      const found = this.rules.block.lheading.exec(source);
      return found && isInterrupted(found[0]) ? undefined : false;
    },
  },
});

/** Quotes in lists in quotes: nobody writes so deep, and reading it would exhaust the stack. */
const TOO_DEEP = /^(?:[ \t]*(?:>|[-*+]|\d{1,9}[.)])){40}/m;

/** Reads Markdown; what cannot be read is shown as it was written, so that one message never hides a whole chat. */
function read(source: string): Token[] {
  try {
    if (!TOO_DEEP.test(source)) return marked.lexer(source);
  } catch {
    // Shown as text below.
  }
  const text = { type: "text", raw: source, text: source, escaped: false };
  return [{ type: "paragraph", raw: source, text: source, tokens: [text] }];
}

export function lex(source: string): Token[] {
  return read(source).filter((token) => token.type !== "space");
}

/** Keeps the blocks of one growing text. A text that does not continue the one before is read from the start. */
export class BlockCache {
  #source = "";
  #frozen: Token[] = [];
  #frozenLength = 0;
  #all: Token[] = [];

  update(text: string): Token[] {
    const source = text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
    if (source === this.#source) return this.#all;
    if (!source.startsWith(this.#source)) {
      this.#frozen = [];
      this.#frozenLength = 0;
    }
    this.#source = source;
    const tail = source.slice(this.#frozenLength);
    const tokens = read(tail);
    let last = tokens.length - 1;
    while (last >= 0 && tokens[last]?.type === "space") last--;
    const length = tokens.slice(0, Math.max(last, 0)).reduce((sum, token) => sum + token.raw.length, 0);
    const shown = tokens.filter((token) => token.type !== "space");
    // The pieces must add up to the text, or the next cut would be in the wrong place.
    if (last > 0 && tail.startsWith(tokens[last]?.raw ?? "", length)) {
      const finished = shown.slice(0, -1);
      this.#frozen = [...this.#frozen, ...finished];
      this.#frozenLength += length;
      this.#all = [...this.#frozen, ...shown.slice(-1)];
    } else {
      this.#all = [...this.#frozen, ...shown];
    }
    return this.#all;
  }
}

const ENTITIES: Record<string, string> = {
  amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0", copy: "©", hellip: "…", mdash: "—", ndash: "–", euro: "€",
};

/** Entities become characters; they end as text in React and never as markup. */
export function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name) return ENTITIES[name] ?? whole;
    const code = decimal ? Number(decimal) : Number.parseInt(hex ?? "", 16);
    const isText = code > 31 && code < 0x110000 && !(code >= 0xd800 && code <= 0xdfff);
    return isText ? String.fromCodePoint(code) : "\uFFFD";
  });
}
