// What the person said: shown, or put into other words.
import { Pencil } from "lucide-react";
import { useEffect, useRef } from "react";
import type { Message, Sent } from "../../api/types";
import "../../i18n/chat";
import { t } from "../../i18n/t";
import { IconButton } from "../../ui/button";
import { part } from "../../ui/part";
import { RailEntry } from "../../ui/rail/rail";
import { Receipt } from "./receipt";
import { useThreadState } from "./stream";
import type { Thread } from "./thread";
import { Versions } from "./versions";

/** Few messages have files. */
const Files = part(async () => (await import("./attached-files")).default);

const Editor = part(async () => (await import("./question-editor")).default);

interface Props {
  thread: Thread;
  message: Message;
  isFirst: boolean;
  onSent: (sent: Sent) => void;
}

/** The version that was just sent: it takes the focus over from the one that was edited. */
let sent: string | null = null;

function focusSent(): void {
  const button = sent && document.querySelector<HTMLElement>(`[data-edit="${CSS.escape(sent)}"]`);
  if (!button) return;
  sent = null;
  button.focus({ preventScroll: true });
}

export function Question({ thread, message, isFirst, onSent }: Props) {
  const isEditing = useThreadState(thread).editing === message.id;
  const pencil = useRef<HTMLButtonElement>(null);

  useEffect(focusSent, [message.id]);

  function close() {
    thread.edit(null);
    requestAnimationFrame(() => pencil.current?.focus());
  }

  return (
    <article aria-label={t("message.yours")} data-role="user" data-status={message.status} data-message={message.id} className="scroll-mt-6">
      <RailEntry mark="plain" isFirst={isFirst} className="rail-boxed pb-4!">
        {isEditing ? (
          <Editor
            waiting={<Words message={message} />}
            message={message}
            onSent={(done: Sent) => {
              sent = done.message.id;
              onSent(done);
              // The stream may have brought it before the answer to our own request came.
              requestAnimationFrame(focusSent);
            }}
            onClose={close}
            onDone={() => thread.edit(null)}
          />
        ) : (
          <>
            <Words message={message} />
            <Receipt message={message}>
              {message.status === "queued" && (
                <span className="text-ink-2" title={t("message.waits.hint")}>
                  {t("message.waits")}
                </span>
              )}
              <IconButton ref={pencil} label={t("message.edit")} data-edit={message.id} onClick={() => thread.edit(message.id)}>
                <Pencil aria-hidden className="size-4" />
              </IconButton>
              <Versions message={message} />
            </Receipt>
          </>
        )}
      </RailEntry>
    </article>
  );
}

function Words({ message: { text, attachments } }: { message: Message }) {
  return (
    <>
      {attachments && attachments.length > 0 && <Files waiting={<div className="h-36" />} files={attachments} />}
      {text && <div className="rounded-lg border border-line bg-surface px-4 py-2.5 text-[16px] leading-relaxed whitespace-pre-wrap">{text}</div>}
    </>
  );
}
