// What can be done with an answer, and what was done for it. It comes after the conversation, which can be read without.
import { useMutation } from "@tanstack/react-query";
import { CircleHelp, RotateCcw, ThumbsDown, ThumbsUp } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import { chats } from "../../api/calls";
import { problemOf } from "../../api/problem";
import type { Message, Sent } from "../../api/types";
import "../../i18n/chat";
import { t } from "../../i18n/t";
import { Button, IconButton } from "../../ui/button";
import { ProblemNotice } from "../../ui/problem-notice";
import { count, money } from "../../ui/quantity";
import { showToast } from "../../ui/toast";

type Rating = "up" | "down";

interface Props {
  message: Message;
  /** Whether it can be asked for again from here; above an answer that failed the same stands already. */
  hasAgain: boolean;
  /** It comes from the page, which has it anyway. */
  versions: ReactNode;
  onSent: (sent: Sent) => void;
}

export default function AnswerLine({ message, hasAgain, versions, onSent }: Props) {
  return (
    <>
      {hasAgain && <Again message={message} onSent={onSent} />}
      <Thumbs message={message} />
      {versions}
      <Done message={message} />
      {message.not_verified && <NotVerified sentence={message.not_verified} />}
    </>
  );
}

/** Has the answer written once more, beside the one that is there. */
function Again({ message, onSent }: { message: Message; onSent: (sent: Sent) => void }) {
  const again = useMutation({
    mutationFn: () => chats.regenerate(message.id),
    onSuccess: onSent,
    onError: (error) => showToast({ text: t("message.regenerate.failed", { problem: problemOf(error).title }) }),
  });
  return (
    <IconButton label={t("message.regenerate")} disabled={again.isPending} onClick={() => again.mutate()}>
      <RotateCcw aria-hidden className="size-4" />
    </IconButton>
  );
}

/** Up, down, or neither: shown at once, and taken back if the server has not kept it. */
function Thumbs({ message }: { message: Message }) {
  const given = message.feedback?.rating ?? null;
  const [isWriting, setWriting] = useState(false);
  const rate = useMutation({
    mutationFn: async (rating: Rating | null) => {
      if (rating) await chats.rate(message.id, rating);
      else await chats.unrate(message.id);
    },
    onError: (error) => showToast({ text: t("feedback.failed", { problem: problemOf(error).title }) }),
  });
  const shown = rate.isPending ? rate.variables : given;

  function press(rating: Rating) {
    const next = shown === rating ? null : rating;
    setWriting(next !== null);
    rate.mutate(next);
  }

  return (
    <>
      <span className="inline-flex">
        <IconButton label={t("feedback.up")} aria-pressed={shown === "up"} onClick={() => press("up")}>
          <ThumbsUp aria-hidden className={shown === "up" ? "size-4 fill-current text-accent" : "size-4"} />
        </IconButton>
        <IconButton label={t("feedback.down")} aria-pressed={shown === "down"} onClick={() => press("down")}>
          <ThumbsDown aria-hidden className={shown === "down" ? "size-4 fill-current text-accent" : "size-4"} />
        </IconButton>
      </span>
      {given && isWriting && <Note message={message} rating={given} onClose={() => setWriting(false)} />}
      {given && !isWriting && message.feedback?.note && (
        <Button look="bare" className="px-2! text-[12.5px]!" onClick={() => setWriting(true)}>
          {message.feedback.note}
        </Button>
      )}
    </>
  );
}

function Note({ message, rating, onClose }: { message: Message; rating: Rating; onClose: () => void }) {
  const [text, setText] = useState(message.feedback?.note ?? "");
  const id = useId();
  const keep = useMutation({ mutationFn: () => chats.rate(message.id, rating, text.trim()), onSuccess: onClose });
  return (
    <form
      className="order-last basis-full py-2"
      onSubmit={(event) => {
        event.preventDefault();
        keep.mutate();
      }}
      onKeyDown={(event) => event.key === "Escape" && onClose()}
    >
      <label htmlFor={id} className="text-[13px] text-ink-2">
        {t("feedback.note.label")}
      </label>
      <textarea id={id} rows={2} maxLength={2000} value={text} onChange={(event) => setText(event.target.value)} className="mt-1 block w-full resize-y rounded-md border border-line bg-surface px-3 py-2 text-[15px] text-ink" />
      {keep.error && <ProblemNotice problem={problemOf(keep.error)} kept={t("feedback.note.kept")} className="mt-2" />}
      <span className="mt-2 flex flex-wrap items-center gap-2">
        <Button type="submit" isBusy={keep.isPending} disabled={text.trim() === ""}>
          {t("feedback.note")}
        </Button>
        <Button look="bare" onClick={onClose}>
          {t("cancel")}
        </Button>
        <span>{t("feedback.note.hint")}</span>
      </span>
    </form>
  );
}

/** One quiet line; opened, it says what the rows say. */
function Done({ message }: { message: Message }) {
  const { receipt, usage } = message;
  if (!receipt) return null;
  const tokens = usage ? usage.input + usage.output + usage.cache_read + usage.cache_write : 0;
  return (
    <details className="num open:order-last open:basis-full">
      <summary className="tap flex w-fit items-center rounded-md px-1 hover:text-ink">
        {t("receipt.open", { tools: receipt.tools + receipt.failed, tokens: count(tokens) })}
        {typeof receipt.millis === "number" && ` · ${t("receipt.time", { seconds: receipt.millis / 1000 })}`}
      </summary>
      <ul className="mb-2 rounded-md border border-line bg-sunken px-3 py-2 text-ink-2">
        <li>
          {t("receipt.calls", { calls: receipt.calls })}
          {usage && ` · ${t("message.tokens.detail", { input: usage.input, output: usage.output, read: usage.cache_read, written: usage.cache_write, share: usage.cache_read / Math.max(1, usage.input + usage.cache_read + usage.cache_write) })}`}
        </li>
        <li>{receipt.tools + receipt.failed === 0 ? t("receipt.none") : t("receipt.tools", { tools: receipt.tools, changes: receipt.changes })}</li>
        {!!receipt.own_calls && <li>{receipt.cost_micro_usd == null ? t("receipt.cost.unknown") : t("receipt.cost", { cost: money(receipt.cost_micro_usd) })}</li>}
        {receipt.failed > 0 && <li>{t("receipt.failed", { failed: receipt.failed })}</li>}
      </ul>
    </details>
  );
}

/** The words claim more than the rows say. */
function NotVerified({ sentence }: { sentence: string }) {
  return (
    <details className="open:order-last open:basis-full">
      <summary className="tap flex w-fit items-center gap-1 rounded-md px-1 text-bad hover:underline">
        <CircleHelp aria-hidden className="size-4" />
        {t("claim.mark")}
      </summary>
      <p className="mb-2 text-[13.5px] text-ink-2">{t("claim.why", { sentence })}</p>
    </details>
  );
}
