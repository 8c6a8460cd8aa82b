// Joins one open chat with the server: its messages, its events, and whether the line is up.
import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { chats } from "../../api/calls";
import { signedOut } from "../../api/client";
import { type Problem, problemOf } from "../../api/problem";
import { openStream, type StreamState } from "../../api/sse";
import type { ChatEvent } from "../../api/types";
import { type LiveMessage, Thread } from "./thread";

/** So many pages are read at most to find the place where another version begins. */
const MOST_PAGES = 10;

export interface OpenChat {
  thread: Thread;
  line: StreamState;
  isLoaded: boolean;
  problem: Problem | null;
  /** Reads the page before the oldest message here; `beforeShown` is called when it has come and is not shown yet. */
  loadOlder: (beforeShown?: () => void) => Promise<void>;
  /** Shows the version in which this message stands; nothing changes where it is shown already. */
  show: (message: string) => Promise<void>;
}

/** Opens the chat with this id. The component that calls it is keyed by the id. */
export function useOpenChat(id: string, onEvent: (event: ChatEvent) => void, onOpen: () => void): OpenChat {
  const [thread] = useState(() => new Thread());
  const [line, setLine] = useState<StreamState>("connecting");
  const [isLoaded, setLoaded] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);

  useEffect(() => {
    let isOver = false;
    async function refresh() {
      try {
        const page = await chats.messages(id);
        if (isOver) return;
        thread.load(page.items, page.next ?? null, "newest");
        thread.flush();
        setLoaded(true);
        setProblem(null);
      } catch (error) {
        if (!isOver) setProblem(problemOf(error));
      }
    }
    /** Reads what is shown from a message on: page by page from the end, until the pages meet it. */
    async function reread(after: string | null) {
      try {
        let page = await chats.messages(id);
        let items = page.items;
        for (let more = 0; more < MOST_PAGES && page.next && !items.some((message) => message.parent === after || message.id === after); more++) {
          page = await chats.messages(id, page.next);
          items = [...page.items, ...items];
        }
        if (isOver) return;
        thread.load(items, page.next ?? null, "newest");
        thread.flush();
      } catch (error) {
        thread.turned();
        if (!isOver) setProblem(problemOf(error));
      }
    }
    thread.onStale = (after) => void reread(after);
    const close = openStream({
      url: chats.eventsUrl(id),
      // The stream opens first and the page is read after it: nothing falls between the two.
      onOpen: () => {
        void refresh();
        onOpen();
      },
      onState: (state) => !isOver && setLine(state),
      onEvent: ({ data }) => {
        const event = parse(data);
        if (!event) return;
        thread.apply(event);
        onEvent(event);
      },
      onRefused: (refused) => {
        if (refused.status === 401) signedOut();
        if (!isOver) setProblem(refused);
      },
    });
    // A stream that cannot be opened must not keep the messages from being read.
    const fallback = setTimeout(() => void refresh(), 1500);
    return () => {
      isOver = true;
      clearTimeout(fallback);
      close();
      thread.onStale = () => {};
    };
  }, [id, thread, onEvent, onOpen]);

  const loadOlder = useCallback(
    async (beforeShown?: () => void) => {
      const before = thread.state().older;
      if (!before) return;
      const page = await chats.messages(id, before);
      beforeShown?.();
      thread.load(page.items, page.next ?? null, "older");
      thread.flush();
    },
    [id, thread],
  );

  const show = useCallback(async (message: string) => void (await chats.showVersion(id, message)), [id]);

  return { thread, line, isLoaded, problem, loadOlder, show };
}

export const useThreadState = (thread: Thread) => useSyncExternalStore(thread.subscribe, thread.state);

export function useMessage(thread: Thread, id: string): LiveMessage | undefined {
  return useSyncExternalStore(
    (listener) => thread.subscribeTo(id, listener),
    () => thread.message(id),
  );
}

/** An event that cannot be read is skipped: the page that is read at the next connection has its effect. */
function parse(data: string): ChatEvent | null {
  try {
    return JSON.parse(data) as ChatEvent;
  } catch {
    return null;
  }
}
