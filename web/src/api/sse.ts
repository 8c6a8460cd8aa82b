// Reads a server-sent event stream with fetch, and keeps it alive: resumes, backs off, notices silence.
import { fromWire, type Problem, ProblemError } from "./problem";

export interface SseEvent {
  id: string;
  type: string;
  data: string;
}

/** A single event larger than this is not from our server. */
const MAX_EVENT = 16 * 1024 * 1024;

/** Takes bytes in pieces of any size and calls back once per whole event, as the HTML standard says. */
export class SseParser {
  #decoder = new TextDecoder("utf-8");
  #line = "";
  #data: string[] = [];
  #type = "";
  #size = 0;
  #afterCr = false;
  #first = true;
  lastId = "";
  retry: number | undefined;
  readonly #onEvent: (event: SseEvent) => void;

  constructor(onEvent: (event: SseEvent) => void) {
    this.#onEvent = onEvent;
  }

  feed(bytes: Uint8Array): void {
    let text = this.#decoder.decode(bytes, { stream: true });
    if (this.#first && text) {
      this.#first = false;
      if (text.startsWith("\uFEFF")) text = text.slice(1);
    }
    let start = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code !== 10 && code !== 13) {
        this.#afterCr = false;
        continue;
      }
      if (code === 10 && this.#afterCr) {
        this.#afterCr = false;
        start = at + 1;
        continue;
      }
      this.#line += text.slice(start, at);
      start = at + 1;
      this.#afterCr = code === 13;
      this.#take(this.#line);
      this.#line = "";
    }
    this.#line += text.slice(start);
    if (this.#line.length + this.#size > MAX_EVENT) throw new Error("event too large");
  }

  #take(line: string): void {
    if (line === "") {
      if (this.#data.length) this.#onEvent({ id: this.lastId, type: this.#type || "message", data: this.#data.join("\n") });
      this.#data = [];
      this.#type = "";
      this.#size = 0;
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return; // A comment: it only shows that the line is alive.
    const name = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (name === "data") {
      this.#data.push(value);
      this.#size += value.length;
    } else if (name === "event") this.#type = value;
    else if (name === "id" && !value.includes("\0")) this.lastId = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
  }
}

export type StreamState = "connecting" | "open" | "reconnecting" | "closed";

export interface StreamOptions {
  url: string;
  onEvent: (event: SseEvent) => void;
  onState?: (state: StreamState) => void;
  /** The server has answered; what was missed in between can be asked for now. */
  onOpen?: () => void;
  /** The server refuses for good (signed out, no such chat): the stream does not try again. */
  onRefused?: (problem: Problem) => void;
  fetch?: typeof globalThis.fetch;
  random?: () => number;
  /** Waits; resolves early when it makes sense to try at once. */
  wait?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** No byte for so long means that the connection is dead (the gateway sends a comment every 20 s). */
  silence?: number;
}

/** How long to wait before attempt `n` (1, 2, …): full jitter, at most 20 s. */
export function backoff(attempt: number, random: () => number, floor = 300): number {
  const ceiling = Math.min(20_000, 600 * 2 ** Math.min(attempt - 1, 6));
  return Math.round(floor + random() * (ceiling - floor));
}

/** Opens the stream and keeps it open until the returned function is called. */
export function openStream(options: StreamOptions): () => void {
  const stop = new AbortController();
  void run(options, stop.signal);
  return () => stop.abort();
}

async function run(options: StreamOptions, stop: AbortSignal): Promise<void> {
  const { url, onEvent, onState, onOpen, onRefused } = options;
  const get = options.fetch ?? globalThis.fetch.bind(globalThis);
  const random = options.random ?? Math.random;
  const wait = options.wait ?? waitOrOnline;
  let lastId = "";
  let attempt = 0;
  onState?.("connecting");
  while (!stop.aborted) {
    const one = new AbortController();
    const abort = () => one.abort();
    stop.addEventListener("abort", abort);
    const { alive, rest } = silence(abort, options.silence);
    let floor = 300;
    try {
      alive();
      const headers: Record<string, string> = { accept: "text/event-stream" };
      if (lastId) headers["last-event-id"] = lastId;
      const answer = await get(url, { headers, signal: one.signal, cache: "no-store", credentials: "same-origin" });
      if (answer.status === 401 || answer.status === 403 || answer.status === 404 || answer.status === 410) {
        const wire = (await answer.json().catch(() => undefined)) as undefined;
        onRefused?.(fromWire(wire, answer.status, answer.headers));
        onState?.("closed");
        return;
      }
      const after = Number(answer.headers.get("retry-after"));
      if (!answer.ok || !answer.body) {
        if (after > 0) floor = Math.min(after * 1000, 20_000);
        throw new Error(`status ${answer.status}`);
      }
      attempt = 0;
      onState?.("open");
      onOpen?.();
      const parser = new SseParser((event) => {
        lastId = event.id;
        onEvent(event);
      });
      parser.lastId = lastId;
      for await (const chunk of chunks(answer.body)) {
        alive();
        parser.feed(chunk);
        if (parser.retry !== undefined) floor = Math.min(parser.retry, 20_000);
      }
    } catch {
      // Every way of ending is the same: try again, unless we were told to stop.
    } finally {
      rest();
      stop.removeEventListener("abort", abort);
      one.abort();
    }
    if (stop.aborted) break;
    attempt += 1;
    onState?.("reconnecting");
    await wait(backoff(attempt, random, floor), stop);
  }
  onState?.("closed");
}

export interface OnceOptions {
  url: string;
  onEvent: (event: SseEvent) => void;
  signal: AbortSignal;
  fetch?: typeof globalThis.fetch;
  /** No byte for so long means that the connection is dead. */
  silence?: number;
}

/** Starts something with `POST` and reads what it says until it ends. It is never asked a second time by itself. */
export async function postStream({ url, onEvent, signal, ...given }: OnceOptions): Promise<void> {
  const get = given.fetch ?? globalThis.fetch.bind(globalThis);
  const one = new AbortController();
  const abort = () => one.abort();
  signal.addEventListener("abort", abort);
  const { alive, rest } = silence(abort, given.silence);
  try {
    alive();
    const headers = { accept: "text/event-stream", "content-type": "application/json" };
    const answer = await get(url, { method: "POST", headers, body: "{}", signal: one.signal, cache: "no-store", credentials: "same-origin" });
    if (!answer.ok || !answer.body) throw new ProblemError(fromWire((await answer.json().catch(() => undefined)) as undefined, answer.status, answer.headers));
    const parser = new SseParser(onEvent);
    for await (const chunk of chunks(answer.body)) {
      alive();
      parser.feed(chunk);
    }
  } finally {
    rest();
    signal.removeEventListener("abort", abort);
    one.abort();
  }
}

/** Gives up when nothing has come for a while. A new timer for every token would cost more than reading it. */
function silence(giveUp: () => void, longest = 50_000): { alive: () => void; rest: () => void } {
  let heard = 0;
  let watch: ReturnType<typeof setTimeout> | undefined;
  function look() {
    const left = heard + longest - Date.now();
    if (left <= 0) return giveUp();
    watch = setTimeout(look, left);
  }
  return {
    alive: () => {
      heard = Date.now();
      watch ??= setTimeout(look, longest);
    },
    rest: () => clearTimeout(watch),
  };
}

async function* chunks(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.releaseLock();
  }
}

function waitOrOnline(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    }
    addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}
