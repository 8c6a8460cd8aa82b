// Tokens into React nodes. No HTML of the text is ever interpreted, and nothing is loaded from elsewhere.
import type { ReactNode } from "react";
import { t } from "../i18n/t";
import { CopyButton } from "../ui/copy-button";
import { decodeEntities, type Token, type Tokens } from "./blocks";
import { CodeBlock } from "./code-block";
import type { FootnoteToken, MathToken } from "./extensions";
import { FootnoteMark } from "./footnotes";
import { Formula } from "./formula";
import { namesHost, safeLink } from "./links";
import { plainText, tableAsMarkdown, tableAsTsv } from "./tables";

export function renderBlock(token: Token): ReactNode {
  switch (token.type) {
    case "heading": {
      // Below the page's h1 and the answer's own (hidden) h2; a text may begin at any depth, an outline may not.
      const { depth } = token as Tokens.Heading;
      const Tag = (["h3", "h3", "h3", "h4", "h5", "h6"] as const)[depth - 1] ?? "h6";
      return <Tag className={`md-h md-h${depth}`}>{inline(token.tokens)}</Tag>;
    }
    case "paragraph":
      return <p>{inline(token.tokens)}</p>;
    case "code":
      return <CodeBlock text={String(token.text)} info={String(token.lang ?? "")} isFinished={isClosed(token.raw)} />;
    case "mathBlock":
      return <Formula tex={(token as MathToken).tex} source={token.raw} isDisplay />;
    case "footnote":
      // At the top of a text they are gathered at its end; inside of something they stay where they are.
      return blocks((token as FootnoteToken).tokens);
    case "blockquote":
      return <blockquote>{blocks(token.tokens)}</blockquote>;
    case "list":
      return list(token as Tokens.List);
    case "table":
      return table(token as Tokens.Table);
    case "hr":
      return <hr />;
    case "html":
      return <p className="md-raw">{token.raw.trim()}</p>;
    case "space":
      return null;
    case "text":
      return <>{token.tokens ? inline(token.tokens) : decodeEntities(String(token.text))}</>;
    default:
      return <p>{token.raw}</p>;
  }
}

/** Each block stands in a wrapper of its own: rules between siblings made long answers slow. */
export function blocks(tokens: Token[] | undefined): ReactNode {
  return tokens?.map((token, at) =>
    token.type === "space" ? null : token.type === "text" ? (
      <span key={at}>{renderBlock(token)}</span>
    ) : (
      <div key={at} className="md-block">
        {renderBlock(token)}
      </div>
    ),
  );
}

function list(token: Tokens.List): ReactNode {
  const items = token.items.map((item, at) => (
    <li key={at} className={item.task ? "md-task" : undefined}>
      {item.tokens[0]?.type === "checkbox" && <Box isDone={item.checked === true} />}
      {blocks(item.tokens.filter((child) => child.type !== "checkbox"))}
    </li>
  ));
  if (!token.ordered) return <ul>{items}</ul>;
  return <ol start={typeof token.start === "number" ? token.start : undefined}>{items}</ol>;
}

function Box({ isDone }: { isDone: boolean }): ReactNode {
  return <input type="checkbox" checked={isDone} disabled aria-label={isDone ? t("markdown.done") : t("markdown.open")} />;
}

function table(token: Tokens.Table): ReactNode {
  const cell = (at: number) => (token.align[at] ? `md-${token.align[at]}` : undefined);
  return (
    <>
      <div className="md-table" role="group" aria-label={t("markdown.table")} tabIndex={0}>
        <table>
          <thead>
            <tr>
              {token.header.map((head, at) => (
                <th key={at} scope="col" className={cell(at)}>
                  {inline(head.tokens)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {token.rows.map((row, at) => (
              <tr key={at}>
                {row.map((one, column) => (
                  <td key={column} className={cell(column)}>
                    {inline(one.tokens)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="md-table-tools">
        <CopyButton text={() => tableAsTsv(token)} label={t("markdown.table.copy")} isNamed />
        <CopyButton text={() => tableAsMarkdown(token)} label={t("markdown.table.copy_markdown")} name={t("markdown.table.markdown")} isNamed />
      </div>
    </>
  );
}

function inline(tokens: Token[] | undefined): ReactNode {
  return tokens?.map((token, at) => <Inline key={at} token={token} />);
}

function Inline({ token }: { token: Token }): ReactNode {
  switch (token.type) {
    case "text":
      return token.tokens ? inline(token.tokens) : decodeEntities(String(token.text));
    case "escape":
      return String(token.text);
    case "strong":
      return <strong>{inline(token.tokens)}</strong>;
    case "em":
      return <em>{inline(token.tokens)}</em>;
    case "del":
      return <del>{inline(token.tokens)}</del>;
    case "codespan":
      return <code>{String(token.text)}</code>;
    case "checkbox":
      return <Box isDone={token.checked === true} />;
    case "br":
      return <br />;
    case "link":
      return (
        <Link href={String(token.href)} text={plainText([token])}>
          {inline(token.tokens)}
        </Link>
      );
    case "mathInline":
      return <Formula tex={(token as MathToken).tex} source={token.raw} isDisplay={(token as MathToken).isDisplay} />;
    case "footnoteMark":
      return <FootnoteMark name={String(token.name)} source={token.raw} />;
    case "image":
      return <Image href={String(token.href)} alt={String(token.text)} />;
    default:
      return token.raw;
  }
}

function Link({ href, text, children }: { href: string; text: string; children: ReactNode }): ReactNode {
  const link = safeLink(decodeEntities(href));
  if (!link) return <span className="md-dead">{children}</span>;
  return (
    <>
      <a href={link.href} title={link.host} target="_blank" rel="noopener noreferrer">
        {children}
      </a>
      {!namesHost(text, link) && <span className="md-host"> ({link.host})</span>}
    </>
  );
}

/** A picture from elsewhere would tell its server who reads what; the person may open it. */
function Image({ href, alt }: { href: string; alt: string }): ReactNode {
  const link = safeLink(decodeEntities(href));
  const label = alt ? t("markdown.image", { alt }) : t("markdown.image.unnamed");
  if (!link) return <span className="md-dead">{label}</span>;
  return (
    <>
      <a href={link.href} title={link.host} target="_blank" rel="noopener noreferrer">
        {label}
      </a>
      <span className="md-host"> ({link.host})</span>
    </>
  );
}

/** Whether the fence below the code has come. */
const isClosed = (raw: string): boolean => /\n[ \t>]*(?:`{3,}|~{3,})[ \t]*\n*$/.test(raw);
