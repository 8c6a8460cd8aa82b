// The messages of one open chat, as a fold over its events. It lives outside React: a token that arrives touches one
// message and is shown with the next frame.
import type { Approval, ChatEvent, Message, Part, ToolPart } from "../../api/types";

const FINAL = new Set<Message["status"]>(["complete", "stopped", "interrupted", "failed"]);

export const isFinal = (message: Message): boolean => FINAL.has(message.status);

export interface ThreadState {
  /** Ids, oldest first. */
  order: readonly string[];
  /** The cursor for older messages, if there are any. */
  older: string | null;
  /** The run that is going on now, if any. */
  run: string | null;
  /** A problem that belongs to no message. */
  problem: Extract<ChatEvent, { type: "error" }>["problem"] | null;
  /** The message that the person is putting into other words. */
  editing: string | null;
  /** Another version was chosen, and what it says is being read. */
  isTurning: boolean;
}

/** Why nothing comes yet, while a provider is given a pause. Known only to those who watch. */
export interface Pause {
  reason: string;
  seconds: number;
}

export type LiveMessage = Message & { pause?: Pause | undefined };

type Schedule = (flush: () => void) => void;

/** One flush per frame; a hidden tab has no frames, so it gets a timer. */
const nextFrame: Schedule = (flush) => {
  if (typeof document !== "undefined" && !document.hidden) requestAnimationFrame(flush);
  else setTimeout(flush, 100);
};

export class Thread {
  #messages = new Map<string, LiveMessage>();
  #state: ThreadState = { order: [], older: null, run: null, problem: null, editing: null, isTurning: false };
  #shown = new Map<string, LiveMessage>();
  #shownState = this.#state;
  /** What came while we watched, and was not read from a page. */
  #arrived = new Set<string>();
  #dirty = new Set<string>();
  #pending = false;
  #listeners = new Map<string, Set<() => void>>();
  #stateListeners = new Set<() => void>();
  readonly #schedule: Schedule;
  /** Called once for each answer that became final while we watched: this is what is announced. */
  onFinished: (message: Message) => void = () => {};
  /** Called when what is shown can no longer be told from the events: it is to be read again, from this message on. */
  onStale: (after: string | null) => void = () => {};

  constructor(schedule: Schedule = nextFrame) {
    this.#schedule = schedule;
  }

  state = (): ThreadState => this.#shownState;
  message = (id: string): LiveMessage | undefined => this.#shown.get(id);
  hasArrived = (id: string): boolean => this.#arrived.has(id);

  subscribe = (listener: () => void): (() => void) => {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  };

  subscribeTo(id: string, listener: () => void): () => void {
    const set = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, set.add(listener));
    return () => set.delete(listener);
  }

  /** A page of messages, oldest first, as the server has them. `older` pages go in front. */
  load(items: Message[], next: string | null, place: "newest" | "older"): void {
    for (const message of items) {
      const known = this.#messages.get(message.id);
      // What the stream brought may be newer than the page, unless the page already has the end.
      if (!known || isFinal(message)) this.#put(message);
    }
    const ids = items.map((message) => message.id);
    const paged = new Set(ids);
    const rest = this.#state.order.filter((id) => !paged.has(id));
    if (place === "older") this.#set({ order: [...ids, ...rest], older: next });
    else {
      // What was loaded before stays where it leads to the page, and what the stream has brought since where it goes
      // on from it. Everything else belongs to versions that are no longer shown.
      const first = items[0]?.parent;
      const joins = first === undefined || first === null ? -1 : rest.indexOf(first);
      const before = rest.slice(0, joins + 1);
      const order = [...before, ...ids];
      for (const id of rest.slice(joins + 1)) if (this.#messages.get(id)?.parent === order.at(-1)) order.push(id);
      this.#set({ order, older: before.length ? this.#state.older : next, isTurning: false });
    }
    this.#findRun();
  }

  /** What another version says could not be read. */
  turned(): void {
    this.#set({ isTurning: false });
  }

  /** Opens a message of the person for editing, or closes it. */
  edit(id: string | null): void {
    this.#set({ editing: id });
    this.flush();
  }

  /** The last message of the person that is shown. */
  lastQuestion(): string | undefined {
    return this.#state.order.findLast((id) => this.#messages.get(id)?.role === "user");
  }

  apply(event: ChatEvent): void {
    switch (event.type) {
      case "run.started":
        this.#replace(event.question);
        this.#replace(event.answer);
        this.#set({ problem: null });
        this.#findRun();
        break;
      case "path.changed": {
        const stays = event.after ? this.#state.order.indexOf(event.after) + 1 : 0;
        // Where nothing stays, what is there is shown until the rest is read: an empty chat would say something else.
        this.#set({ order: stays > 0 ? this.#state.order.slice(0, stays) : this.#state.order, isTurning: true });
        this.#findRun();
        this.onStale(event.after ?? null);
        break;
      }
      case "message.snapshot":
      case "message.completed":
        this.#replace(event.message);
        this.#findRun();
        break;
      case "text.delta":
        this.#change(event.message, (message) => ({
          ...message,
          status: "streaming",
          text: message.text + event.text,
          parts: extend(message.parts, "text", event.text),
        }));
        break;
      case "thinking.delta":
        this.#change(event.message, (message) => ({
          ...message,
          status: "streaming",
          parts: extend(message.parts, "thinking", event.text),
        }));
        break;
      case "tool.called":
        this.#change(event.message, (message) => {
          if (message.parts.some((part) => part.type === "tool" && part.call === event.call)) return message;
          const part: ToolPart = { type: "tool", call: event.call, tool: event.tool, input: event.input, status: "running" };
          return { ...message, status: "streaming", parts: [...message.parts, part] };
        });
        break;
      case "tool.finished":
        this.#change(event.message, (message) => ({
          ...message,
          parts: message.parts.map((part) =>
            part.type === "tool" && part.call === event.call
              ? { ...part, status: event.ok ? "ok" : "failed", summary: event.summary, file: event.file }
              : part,
          ),
        }));
        break;
      case "approval.requested":
      case "approval.decided":
        this.#change(event.message, (message) => withApproval(message, event.approval));
        this.#findRun();
        break;
      case "message.waiting":
        this.#change(event.message, (message) => message, { reason: event.reason, seconds: event.seconds });
        break;
      case "usage":
        this.#change(event.message, (message) => ({ ...message, usage: event.usage }));
        break;
      case "run.finished":
        if (this.#state.run === event.run) this.#set({ run: null });
        break;
      case "error":
        this.#set({ problem: event.problem });
        break;
      case "context":
      case "memory.changed":
      case "chat.changed":
        break; // Not about messages: the page takes them.
    }
  }

  /** Takes a message from the answer to our own POST; the stream may already have brought more of it. */
  upsert(message: Message): void {
    if (this.#messages.has(message.id) && !isFinal(message)) return;
    this.#replace(message);
    this.#findRun();
  }

  /** What the stream says is in order: also a failed answer that goes on. */
  #replace(message: Message): void {
    const known = this.#messages.get(message.id);
    this.#put(message);
    this.#place(message);
    if (message.role === "assistant" && isFinal(message) && (!known || !isFinal(known))) this.onFinished(message);
  }

  /** A message is shown where its parent is the last one, and a first message instead of everything: anything else is a
   * version that is not shown here. */
  #place({ id, parent }: Message): void {
    const { order } = this.#state;
    if (order.includes(id)) return;
    this.#arrived.add(id);
    if (order.length === 0 || parent === order.at(-1)) this.#set({ order: [...order, id] });
    else if (!parent) this.#set({ order: [id], older: null });
    else if (!this.#messages.has(parent)) this.onStale(order.at(-1) ?? null);
  }

  #put(message: Message): void {
    this.#messages.set(message.id, message);
    this.#touch(message.id);
  }

  /** Whatever comes ends a pause, except the news of one. */
  #change(id: string, change: (message: Message) => Message, pause?: Pause): void {
    const known = this.#messages.get(id);
    // A delta without its message cannot be placed; the snapshot that follows on attach brings it whole.
    if (!known || isFinal(known)) return;
    this.#messages.set(id, { ...change(known), pause });
    this.#touch(id);
  }

  #findRun(): void {
    // Turns go one after the other: the first that is not over is at work, those behind it wait. One that waits for the
    // person holds up nobody.
    const first = this.#state.order.map((id) => this.#messages.get(id)).find((message) => message?.role === "assistant" && isActive(message) && !needsYou(message));
    const run = first?.run ?? null;
    if (run !== this.#state.run) this.#set({ run });
  }

  #set(change: Partial<ThreadState>): void {
    this.#state = { ...this.#state, ...change };
    this.#touch(null);
  }

  #touch(id: string | null): void {
    if (id !== null) this.#dirty.add(id);
    if (this.#pending) return;
    this.#pending = true;
    this.#schedule(() => this.flush());
  }

  /** Shows everything that has arrived. */
  flush(): void {
    this.#pending = false;
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    for (const id of dirty) {
      const message = this.#messages.get(id);
      if (message) this.#shown.set(id, message);
    }
    const isStateNew = this.#shownState !== this.#state;
    this.#shownState = this.#state;
    for (const id of dirty) for (const listener of this.#listeners.get(id) ?? []) listener();
    if (isStateNew) for (const listener of this.#stateListeners) listener();
  }
}

function isActive(message: Message): boolean {
  return message.status === "queued" || message.status === "streaming";
}

const needsYou = (message: Message): boolean => (message.approvals ?? []).some((approval) => approval.status === "waiting");

/** A request as it stands now, and what waits for it. */
function withApproval(message: Message, approval: Approval): Message {
  const waits = approval.status === "waiting";
  const lines = new Map(approval.lines.map((line) => [line.line, line]));
  const known = message.approvals ?? [];
  return {
    ...message,
    approvals: known.some(({ id }) => id === approval.id) ? known.map((one) => (one.id === approval.id ? approval : one)) : [...known, approval],
    parts: message.parts.map((part) => {
      const line = part.type === "tool" && (part.status === "running" || part.status === "waiting") ? lines.get(part.call) : undefined;
      return line ? { ...part, input: line.input, status: waits ? "waiting" : "running" } as ToolPart : part;
    }),
  };
}

function extend(parts: Part[], type: "text" | "thinking", text: string): Part[] {
  const last = parts.at(-1);
  if (last?.type === type) return [...parts.slice(0, -1), { type, text: last.text + text }];
  return [...parts, { type, text }];
}
