// Footnotes: gathered at the end of their text, in the order in which they are written there.
import { CornerUpLeft } from "lucide-react";
import { createContext, type ReactNode, use, useId, useMemo } from "react";
import { t } from "../i18n/t";
import { IconButton } from "../ui/button";
import type { FootnoteToken } from "./extensions";

interface Notes {
  id: string;
  names: readonly string[];
}

const Context = createContext<Notes>({ id: "", names: [] });

/** Lets the marks in a text know its footnotes. It changes only when one is added, so marks are not drawn for each word. */
export function Footnotes({ tokens, children }: { tokens: readonly FootnoteToken[]; children: ReactNode }) {
  const id = useId();
  const key = JSON.stringify(tokens.map((token) => token.name));
  const notes = useMemo(() => ({ id, names: JSON.parse(key) as string[] }), [id, key]);
  return <Context value={notes}>{children}</Context>;
}

/** A mark whose footnote is not there (yet) stays as it was written. */
export function FootnoteMark({ name, source }: { name: string; source: string }) {
  const { id, names } = use(Context);
  const at = names.indexOf(name);
  if (at < 0) return source;
  return (
    <button type="button" id={`${id}mark${at}`} className="md-mark" aria-label={t("markdown.footnote", { number: at + 1 })} onClick={() => show(`${id}note${at}`)}>
      {at + 1}
    </button>
  );
}

export function FootnoteList({ tokens, content }: { tokens: readonly FootnoteToken[]; content: (token: FootnoteToken) => ReactNode }) {
  const { id } = use(Context);
  return (
    <section aria-label={t("markdown.footnotes")} className="md-block md-notes">
      <ol>
        {tokens.map((token, at) => (
          <li key={at} id={`${id}note${at}`} tabIndex={-1}>
            <IconButton label={t("markdown.footnote.back", { number: at + 1 })} onClick={() => show(`${id}mark${at}`)} className="float-end -mt-1">
              <CornerUpLeft aria-hidden className="size-3.5 rtl:-scale-x-100" />
            </IconButton>
            {content(token)}
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Not by address: what stands behind the # names a message. */
function show(id: string): void {
  const place = document.getElementById(id);
  place?.scrollIntoView({ block: "nearest" });
  place?.focus({ preventScroll: true });
}
