// Whether something can be sent, and sending it. The text is let go only when the server has it.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { chats } from "../../api/calls";
import { type Problem, problemOf } from "../../api/problem";
import type { Effort, Sent } from "../../api/types";
import { readDraft, writeDraft } from "../../app/storage";

export interface Sending {
  text: string;
  setText: (text: string) => void;
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
  const queries = useQueryClient();
  /** The key of a try that may have arrived: the same text is sent again under the same key, and so once. */
  const pending = useRef<{ text: string; key: string; chat: string | null }>(null);

  // What was typed before it was known that nothing is kept here.
  useEffect(() => {
    if (!isKept) writeDraft(place, "");
  }, [isKept, place]);

  function setText(next: string) {
    now.current = next;
    setShown(next);
    writeDraft(place, isKept ? next : "");
  }

  async function send() {
    const wanted = text.trim();
    if (!wanted || isSending) return;
    setSending(true);
    setProblem(null);
    if (pending.current?.text !== wanted) pending.current = { text: wanted, key: crypto.randomUUID(), chat };
    const attempt = pending.current;
    try {
      attempt.chat ??= (await chats.create(effort)).id;
      const sent = await chats.send(attempt.chat, wanted, attempt.key);
      pending.current = null;
      if (now.current.trim() === wanted) setText("");
      onSent(attempt.chat, sent);
      void queries.invalidateQueries({ queryKey: ["chats", "list"] });
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setSending(false);
    }
  }

  return { text, setText, isSending, problem, send };
}
