// The chats of a file: found by their titles, chosen one by one or together. Nothing of it is asked of the server.
import { useMemo, useState } from "react";
import type { ImportChat } from "../../api/imports";
import "../../i18n/imports";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { Field } from "../../ui/field";
import { calendarDay } from "../../ui/time";
import { matching } from "./matching";

/** So many rows more are drawn each time. */
const ROWS = 50;

interface Props {
  chats: ImportChat[];
  /** The numbers of those that stay out. */
  except: ReadonlySet<number>;
  onExcept: (except: ReadonlySet<number>) => void;
}

export function Choice({ chats, except, onExcept }: Props) {
  const [words, setWords] = useState("");
  const [rows, setRows] = useState(ROWS);
  const found = useMemo(() => matching(chats, words), [chats, words]);
  const open = found.filter((chat) => !chat.known);

  function setAll(isChosen: boolean) {
    const next = new Set(except);
    for (const { number } of open) {
      if (isChosen) next.delete(number);
      else next.add(number);
    }
    onExcept(next);
  }
  function toggle(number: number) {
    const next = new Set(except);
    if (!next.delete(number)) next.add(number);
    onExcept(next);
  }

  return (
    <div className="mt-4 border-t border-line pt-3">
      <Field
        label={t("imports.find")}
        type="search"
        value={words}
        onChange={(event) => {
          setWords(event.target.value);
          setRows(ROWS);
        }}
      />
      <div className="mt-2 flex flex-wrap items-center gap-2">
        <Button onClick={() => setAll(true)}>{t("imports.all")}</Button>
        <Button onClick={() => setAll(false)}>{t("imports.nothing")}</Button>
        <span role="status" className="text-[13.5px] text-ink-2">
          {t("imports.found", { chats: found.length })}
        </span>
      </div>
      <ul aria-label={t("imports.list")} className="-mx-1 mt-2 max-h-[28rem] overflow-y-auto px-1">
        {found.slice(0, rows).map((chat) => (
          <Row key={chat.number} chat={chat} isChosen={!chat.known && !except.has(chat.number)} onToggle={toggle} />
        ))}
        {found.length > rows && (
          <li>
            <Button className="mt-2" onClick={() => setRows(rows + ROWS)}>
              {t("imports.more")}
            </Button>
          </li>
        )}
      </ul>
    </div>
  );
}

function Row({ chat, isChosen, onToggle }: { chat: ImportChat; isChosen: boolean; onToggle: (number: number) => void }) {
  return (
    <li className="border-b border-line last:border-0">
      <label className="tap flex items-start gap-3 py-2">
        <input type="checkbox" checked={isChosen} disabled={chat.known} onChange={() => onToggle(chat.number)} className="mt-0.5 size-5 shrink-0 accent-(--accent)" />
        <span className="min-w-0 flex-1">
          <span className="block truncate">{chat.title || t("chat.untitled")}</span>
          <span className="block text-[13px] text-ink-2">{t(chat.known ? "imports.row.known" : "imports.row", { messages: chat.messages, day: calendarDay(chat.updated.slice(0, 10)) })}</span>
        </span>
      </label>
    </li>
  );
}
