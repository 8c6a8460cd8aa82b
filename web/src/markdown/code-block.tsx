// Code with its language, its colours, and a way to copy it.
import { memo, useEffect, useState } from "react";
import { t } from "../i18n/t";
import { CopyButton } from "../ui/copy-button";
import type { Line } from "./colour";
import { coloured } from "./coloured";
import { languageOf } from "./languages";

interface Props {
  text: string;
  /** What stands behind the fence. */
  info: string;
  /** Whether its end has come: code that still grows stays plain. */
  isFinished: boolean;
}

export const CodeBlock = memo(function CodeBlock({ text, info, isFinished }: Props) {
  const { name, grammar } = languageOf(info);
  const lines = useColours(text, isFinished ? grammar : null);
  return (
    <div className="md-code">
      <div className="md-code-head">
        <span>{name || t("markdown.code.plain")}</span>
        <CopyButton text={text} label={t("markdown.code.copy")} isNamed />
      </div>
      <pre tabIndex={0} aria-label={name ? t("markdown.code.named", { lang: name }) : t("markdown.code")}>
        <code>{lines ? lines.map(shown) : text}</code>
      </pre>
    </div>
  );
});

function useColours(text: string, grammar: string | null): readonly Line[] | null {
  const [found, setFound] = useState<{ text: string; lines: readonly Line[] | null } | null>(null);
  useEffect(() => {
    if (!grammar) return;
    let isOver = false;
    void coloured(text, grammar).then((lines) => {
      if (!isOver) setFound({ text, lines });
    });
    return () => {
      isOver = true;
    };
  }, [text, grammar]);
  return grammar && found?.text === text ? found.lines : null;
}

function shown(line: Line, at: number, all: readonly Line[]) {
  const end = at < all.length - 1 ? "\n" : "";
  return (
    <span key={at}>
      {line.map(([kind, text], piece) =>
        kind ? (
          <span key={piece} className={`hl-${kind}`}>
            {text}
          </span>
        ) : (
          text
        ),
      )}
      {end}
    </span>
  );
}
