// Where a message is written.
import { ArrowUp, Square } from "lucide-react";
import { type KeyboardEvent, type ReactNode, type Ref, useEffect, useImperativeHandle, useLayoutEffect, useRef } from "react";
import "../../i18n/chat";
import { t } from "../../i18n/t";
import { part } from "../../ui/part";
import { ProblemNotice } from "../../ui/problem-notice";
import { attachingParts } from "./use-attaching";
import type { Sending } from "./use-sending";

/** What takes files in comes behind the field; without it one can write all the same. */
const Attach = part(async () => (await attachingParts()).AttachButton, () => null);
const Chips = part(async () => (await attachingParts()).AttachmentChips);

export interface ComposerHandle {
  fill: (text: string) => void;
}

interface Props {
  sending: Sending;
  isRunning: boolean;
  isStopping: boolean;
  onStop: () => void;
  /** Puts the last message into other words: the arrow upwards in an empty field. */
  onEditLast?: () => void;
  /** What is chosen for the next answer. */
  choices?: ReactNode;
  /** How full the chat is, when that is worth knowing. */
  gauge?: ReactNode;
  /** Who gets what is written. */
  destination: ReactNode;
  ref?: Ref<ComposerHandle>;
}

export function Composer({ sending, isRunning, isStopping, onStop, onEditLast, choices, gauge, destination, ref }: Props) {
  const input = useRef<HTMLTextAreaElement>(null);
  const { text, setText, attaching, isSending, problem, send } = sending;
  const { items, uploads, add } = attaching;

  useLayoutEffect(() => {
    const area = input.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, window.innerHeight * 0.4)}px`;
  }, [text]);

  // Where there is a keyboard, one can write at once; on a phone the keyboard would hide the page.
  useEffect(() => {
    if (matchMedia("(pointer: fine)").matches) input.current?.focus({ preventScroll: true });
  }, []);

  useImperativeHandle(ref, () => ({
    fill: (next) => {
      setText(next);
      requestAnimationFrame(() => {
        input.current?.focus();
        input.current?.setSelectionRange(next.length, next.length);
      });
    },
  }));

  const hasSomething = text.trim() !== "" || items.length > 0;
  const canSend = hasSomething && !isSending;

  function onKeyDown(event: KeyboardEvent) {
    if (event.key === "ArrowUp" && text === "" && onEditLast) {
      event.preventDefault();
      onEditLast();
      return;
    }
    // While an input method is composing, Enter chooses a word.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    if (canSend) void send();
  }

  return (
    <div className="px-3 pb-3 sm:px-6">
      <div className="mx-auto w-full max-w-[43rem]">
        {problem && <ProblemNotice problem={problem} kept={t("chat.send.kept")} className="mb-2" />}
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (canSend) void send();
          }}
          className="flex flex-col rounded-xl border border-line bg-surface shadow-lift focus-within:border-accent has-data-over:border-accent"
        >
          {uploads && items.length > 0 && <Chips items={items} uploads={uploads} />}
          <textarea
            ref={input}
            rows={1}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={onKeyDown}
            aria-label={t("chat.composer.label")}
            aria-keyshortcuts="Enter"
            placeholder={t("chat.composer.placeholder")}
            className="block min-h-12 w-full min-w-0 resize-none bg-transparent px-4 pt-3.5 pb-1 text-[16px] leading-normal outline-none"
          />
          <div className="flex items-center justify-end gap-3 py-2 ps-2 pe-2 max-sm:gap-2">
            <Attach waiting={<span className="me-auto size-9" />} input={input} add={add} />
            <span className="min-w-0 flex-1 text-[12.5px] text-ink-3 max-sm:hidden">{isRunning ? t("chat.composer.queue") : t("chat.composer.hint")}</span>
            {choices}
            {isRunning && (
              <button type="button" onClick={onStop} disabled={isStopping} className="tap inline-flex min-h-9 items-center gap-2 rounded-lg border border-line bg-surface px-3.5 text-[14.5px] font-medium hover:bg-sunken disabled:opacity-55">
                <Square aria-hidden className="size-3.5 fill-current" />
                {isStopping ? t("chat.stopping") : t("chat.stop")}
              </button>
            )}
            {(!isRunning || hasSomething) && (
              <button type="submit" disabled={!canSend} aria-label={t("chat.send")} title={t("chat.send")} className="tap inline-flex size-9 items-center justify-center rounded-lg bg-accent text-accent-ink hover:opacity-90 disabled:bg-sunken disabled:text-ink-3">
                <ArrowUp aria-hidden className="size-5" />
              </button>
            )}
          </div>
        </form>
        <p className="mt-2 text-center text-[12.5px] text-ink-3">
          {gauge}
          {destination}
        </p>
      </div>
    </div>
  );
}
