// Colours code: text in, lines of coloured pieces out. It runs in the worker; nothing here touches the page.
import { createJavaScriptRegexEngine } from "@shikijs/engine-javascript";
import { codeToTokensBase, createShikiPrimitiveAsync } from "@shikijs/primitive";
import { grammar } from "./grammars";

/** A piece of a line: what kind it is, and its text. The kind is the number of a colour in the style sheet; 0 has none. */
export type Piece = readonly [kind: number, text: string];
export type Line = readonly Piece[];

/** Each kind gets a colour that exists only here; the real colours are in the style sheet, for light and for dark. */
const KINDS: readonly string[][] = [
  ["comment", "punctuation.definition.comment", "markup.quote"],
  ["string", "markup.inline.raw", "markup.inserted", "constant.other.symbol"],
  ["keyword", "storage", "keyword.operator.new", "keyword.operator.expression", "markup.heading", "entity.name.tag"],
  ["constant.numeric", "constant.language", "constant.character", "variable.language", "support.constant"],
  ["entity.name.function", "support.function", "meta.function-call.generic", "entity.other.attribute-name", "support.type.property-name"],
  ["entity.name.type", "entity.name.class", "support.type", "support.class", "entity.name.namespace", "meta.diff.header"],
  ["markup.deleted", "invalid"],
];
const NO_COLOUR = ["keyword.operator", "storage.type.function.arrow", "punctuation"];
const colour = (kind: number): string => `#0000${kind.toString(16).padStart(2, "0")}`;

const THEME = {
  name: "kinds",
  type: "light" as const,
  fg: colour(0),
  bg: "#ffffff",
  settings: [
    { settings: { foreground: colour(0), background: "#ffffff" } },
    ...KINDS.map((scope, at) => ({ scope, settings: { foreground: colour(at + 1) } })),
    { scope: NO_COLOUR, settings: { foreground: colour(0) } },
  ],
};

const highlighter = createShikiPrimitiveAsync({ themes: [THEME], langs: [], engine: createJavaScriptRegexEngine({ forgiving: true }) });

/** Very long lines and very long texts stay plain: nobody reads them, and every rule would be tried on them. */
const LONGEST_TEXT = 60_000;
const LONGEST_LINE = 2_000;
/** The first line also pays for the rules being made; whoever asks stops a worker that takes much longer. */
const LONGEST_MILLISECONDS_PER_LINE = 5_000;

/** Answers nothing for a language that it does not know: then the code stays as it is. */
export async function colourCode(text: string, language: string): Promise<readonly Line[] | null> {
  const load = grammar(language);
  if (!load || text.length > LONGEST_TEXT) return null;
  const primitive = await highlighter;
  if (!primitive.getLoadedLanguages().includes(language)) await primitive.loadLanguage(...(await load()).default);
  const options = { lang: language, theme: THEME.name, tokenizeMaxLineLength: LONGEST_LINE, tokenizeTimeLimit: LONGEST_MILLISECONDS_PER_LINE };
  return codeToTokensBase(primitive, text, options).map((tokens) => join(tokens.map((token) => [kindOf(token.color), token.content] as const)));
}

function kindOf(given: string | undefined): number {
  const kind = Number.parseInt((given ?? "").slice(1), 16);
  return kind > 0 && kind <= KINDS.length ? kind : 0;
}

/** Neighbours of one kind become one piece, and space belongs to what stands before it: fewer elements on the page. */
function join(pieces: readonly Piece[]): Line {
  const joined: Array<[number, string]> = [];
  for (const [kind, text] of pieces) {
    const last = joined.at(-1);
    if (last && (last[0] === kind || !text.trim())) last[1] += text;
    else joined.push([kind, text]);
  }
  return joined;
}
