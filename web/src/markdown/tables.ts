// A table as text: for a spreadsheet, and as Markdown.
import { decodeEntities, type Token, type Tokens } from "./blocks";

/** Rows of cells separated by tabs. A cell that a spreadsheet would run as a formula is made text. */
export function tableAsTsv(table: Tokens.Table): string {
  return rows(table)
    .map((row) => row.map((cell) => harmless(plainText(cell.tokens).replace(/\s+/g, " ").trim())).join("\t"))
    .join("\n");
}

export function tableAsMarkdown(table: Tokens.Table): string {
  const [head = [], ...body] = rows(table).map((row) => `| ${row.map((cell) => cell.text.replaceAll("|", "\\|")).join(" | ")} |`);
  const line = table.align.map((align) => (align === "right" ? "--:" : align === "center" ? ":-:" : align === "left" ? ":--" : "---"));
  return [head, `| ${line.join(" | ")} |`, ...body].join("\n");
}

const rows = (table: Tokens.Table): Tokens.TableCell[][] => [table.header, ...table.rows];

/** "=…" and the like would run in the spreadsheet of whoever pastes it; numbers with a sign stay numbers. */
function harmless(cell: string): string {
  return /^(?:[=@]|[+-](?![\d.,\s]*%?$))/.test(cell) ? `'${cell}` : cell;
}

/** What is read, without the marks. */
export function plainText(tokens: Token[] | undefined): string {
  return (tokens ?? [])
    .map((token) => {
      if ("tokens" in token && token.tokens?.length) return plainText(token.tokens);
      if (token.type === "br") return " ";
      if (token.type === "codespan" || token.type === "escape") return String(token.text);
      return "text" in token ? decodeEntities(String(token.text)) : token.raw;
    })
    .join("");
}
