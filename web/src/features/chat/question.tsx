// What the person said: shown, or put into other words.
import { Pencil } from "lucide-react";
import { lazy, Suspense, useRef } from "react";
import type { Message, Sent } from "../../api/types";
import "../../i18n/chat";
import { t } from "../../i18n/t";
import { IconButton } from "../../ui/button";
import { RailEntry } from "../../ui/rail/rail";
import { Receipt } from "./receipt";
import { useThreadState } from "./stream";
import type { Thread } from "./thread";
import { Versions } from "./versions";

const Editor = lazy(() => import("./question-editor"));

interface Props {
  thread: Thread;
  message: Message;
  isFirst: boolean;
  onSent: (sent: Sent) => void;
}

export function Question({ thread, message, isFirst, onSent }: Props) {
  const isEditing = useThreadState(thread).editing === message.id;
  const pencil = useRef<HTMLButtonElement>(null);

  function close() {
    thread.edit(null);
    requestAnimationFrame(() => pencil.current?.focus());
  }

  return (
    <article aria-label={t("message.yours")} data-role="user" data-status={message.status} data-message={message.id} className="scroll-mt-6">
      <RailEntry mark="plain" isFirst={isFirst} className="rail-boxed pb-4!">
        {isEditing ? (
          <Suspense fallback={<Words text={message.text} />}>
            <Editor message={message} onSent={onSent} onClose={close} onDone={() => thread.edit(null)} />
          </Suspense>
        ) : (
          <>
            <Words text={message.text} />
            <Receipt message={message}>
              {message.status === "queued" && (
                <span className="text-ink-2" title={t("message.waits.hint")}>
                  {t("message.waits")}
                </span>
              )}
              <IconButton ref={pencil} label={t("message.edit")} onClick={() => thread.edit(message.id)}>
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

function Words({ text }: { text: string }) {
  return <div className="rounded-lg border border-line bg-surface px-4 py-2.5 text-[16px] leading-relaxed whitespace-pre-wrap">{text}</div>;
}
