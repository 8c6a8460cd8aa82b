// Whether something can be sent, and sending it. The text is let go only when the server has it.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { chats } from "../../api/calls";
import { type Problem, problemOf } from "../../api/problem";
import type { Effort, Sent } from "../../api/types";
import { readDraft, writeDraft } from "../../app/storage";
import { type Attaching, useAttaching } from "./use-attaching";

export interface Sending {
  text: string;
  setText: (text: string) => void;
  /** The files that go along. */
  attaching: Attaching;
  isSending: boolean;
  problem: Problem | null;
  send: () => Promise<void>;
}

interface Options {
  /** The chat, or null when it is made by the first message. */
  chat: string | null;
  /** How long the model may think in a chat that is made. */
  effort?: Effort;
  /** Whether what is typed survives a reload. Nothing of a temporary chat does. */
  isKept?: boolean;
  onSent: (chat: string, sent: Sent) => void;
}

export function useSending({ chat, effort, isKept = true, onSent }: Options): Sending {
  const place = chat ?? "new";
  const [text, setShown] = useState(() => readDraft(place));
  /** What stands in the field now: somebody may type on while a message is on its way. */
  const now = useRef(text);
  const [isSending, setSending] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const attaching = useAttaching(place, isKept);
  const queries = useQueryClient();
  /** The key of a try that may have arrived: the same is sent again under the same key, and so once. */
  const pending = useRef<{ said: string; key: string; chat: string | null }>(null);

  // What was typed before it was known that nothing is kept here.
  useEffect(() => {
    if (!isKept) writeDraft(place, "", []);
  }, [isKept, place]);

  function setText(next: string) {
    now.current = next;
    setShown(next);
    writeDraft(place, isKept ? next : "");
  }

  async function send() {
    const wanted = text.trim();
    if ((!wanted && attaching.items.length === 0) || isSending) return;
    setSending(true);
    setProblem(null);
    const files = await attaching.ready();
    // What is wrong stands at the file.
    if (!files) return setSending(false);
    const ids = files.map((file) => file.id);
    const said = [wanted, ...ids].join("\n");
    if (pending.current?.said !== said) pending.current = { said, key: crypto.randomUUID(), chat };
    const attempt = pending.current;
    try {
      attempt.chat ??= (await chats.create(effort)).id;
      const sent = await chats.send(attempt.chat, wanted, attempt.key, ids.length > 0 ? ids : undefined);
      pending.current = null;
      attaching.sent(files);
      if (now.current.trim() === wanted) setText("");
      onSent(attempt.chat, sent);
      void queries.invalidateQueries({ queryKey: ["chats", "list"] });
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setSending(false);
    }
  }

  return { text, setText, attaching, isSending, problem, send };
}
