// Putting a message into other words. It comes when it is first needed.
import { useMutation } from "@tanstack/react-query";
import { type KeyboardEvent, useLayoutEffect, useRef, useState } from "react";
import { chats } from "../../api/calls";
import { problemOf } from "../../api/problem";
import type { Attachment, Message, Sent } from "../../api/types";
import "../../i18n/chat";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { ProblemNotice } from "../../ui/problem-notice";
import AttachedFiles from "./attached-files";

const NONE: Attachment[] = [];

interface Props {
  message: Message;
  onSent: (sent: Sent) => void;
  onClose: () => void;
  onDone: () => void;
}

export default function Editor({ message, onSent, onClose, onDone }: Props) {
  const [text, setText] = useState(message.text);
  const [files, setFiles] = useState(message.attachments ?? NONE);
  const isFewer = files.length !== (message.attachments ?? NONE).length;
  const area = useRef<HTMLTextAreaElement>(null);
  /** A try that may have arrived is repeated under the same key, and so makes one version. */
  const attempt = useRef({ said: "", key: "" });
  const sending = useMutation({
    mutationFn: (wanted: string) => {
      const ids = isFewer ? files.map((file) => file.id) : undefined;
      const said = [wanted, ...(ids ?? [])].join("\n");
      if (attempt.current.said !== said) attempt.current = { said, key: crypto.randomUUID() };
      return chats.edit(message.id, wanted, attempt.current.key, ids);
    },
    onSuccess: (sent) => {
      onDone();
      onSent(sent);
    },
  });

  useLayoutEffect(() => {
    const box = area.current;
    if (!box) return;
    box.focus();
    box.setSelectionRange(box.value.length, box.value.length);
  }, []);

  useLayoutEffect(() => {
    const box = area.current;
    if (!box) return;
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight + 2, window.innerHeight * 0.5)}px`;
  }, [text]);

  const wanted = text.trim();
  const canSend = (wanted !== "" || files.length > 0) && (isFewer || wanted !== message.text.trim()) && !sending.isPending;

  function onKeyDown(event: KeyboardEvent) {
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") {
      event.preventDefault();
      onClose();
    }
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      if (canSend) sending.mutate(wanted);
    }
  }

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (canSend) sending.mutate(wanted);
      }}
    >
      {files.length > 0 && <AttachedFiles files={files} onRemove={(id) => setFiles(files.filter((file) => file.id !== id))} />}
      <textarea
        ref={area}
        rows={2}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
        aria-label={t("message.edit.label")}
        className="block w-full resize-none rounded-lg border border-accent bg-surface px-4 py-2.5 text-[16px] leading-relaxed outline-none"
      />
      {sending.error && <ProblemNotice problem={problemOf(sending.error)} kept={t("message.edit.kept")} className="mt-2" />}
      <div className="mt-2 flex flex-wrap items-center gap-2">
        <Button type="submit" look="main" isBusy={sending.isPending} disabled={!canSend}>
          {t("message.edit.send")}
        </Button>
        <Button look="bare" onClick={onClose}>
          {t("cancel")}
        </Button>
        <span className="text-[12.5px] text-ink-3">{t("message.edit.hint")}</span>
      </div>
    </form>
  );
}
