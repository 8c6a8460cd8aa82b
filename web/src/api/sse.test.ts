import { describe, expect, it } from "vitest";
import { backoff, openStream, type SseEvent, SseParser, type StreamState } from "./sse";

const STREAM =
  "\uFEFF: hello\n\nid: run_1.1.1\ndata: {\"type\":\"a\"}\n\nevent: x\r\ndata: zwei ä 😀\r\ndata:more\r\rid: run_1.1.2\rdata\n\nretry: 1500\ndata: kept until whole";

const WHOLE: SseEvent[] = [
  { id: "run_1.1.1", type: "message", data: '{"type":"a"}' },
  { id: "run_1.1.1", type: "x", data: "zwei ä 😀\nmore" },
  { id: "run_1.1.2", type: "message", data: "" },
];

function parse(bytes: Uint8Array, size: number): { events: SseEvent[]; retry: number | undefined } {
  const events: SseEvent[] = [];
  const parser = new SseParser((event) => events.push(event));
  for (let at = 0; at < bytes.length; at += size) parser.feed(bytes.subarray(at, at + size));
  return { events, retry: parser.retry };
}

describe("the parser", () => {
  const bytes = new TextEncoder().encode(STREAM);
  for (const size of [1, 2, 3, 5, 7, 1000]) {
    it(`reads the same events in pieces of ${size} bytes`, () => {
      expect(parse(bytes, size)).toEqual({ events: WHOLE, retry: 1500 });
    });
  }
  it("does not deliver an event that was cut off", () => {
    expect(parse(new TextEncoder().encode("data: half\n"), 1).events).toEqual([]);
  });
  it("refuses an event without end", () => {
    const parser = new SseParser(() => {});
    const piece = new TextEncoder().encode("x".repeat(1024 * 1024));
    expect(() => {
      for (let n = 0; n < 20; n++) parser.feed(piece);
    }).toThrow("event too large");
  });
});

describe("waiting", () => {
  it("grows, is spread, and ends at twenty seconds", () => {
    expect([1, 2, 3, 9, 40].map((n) => backoff(n, () => 1))).toEqual([600, 1200, 2400, 20000, 20000]);
    expect(backoff(9, () => 0)).toBe(300);
  });
});

function answer(text: string, status = 200): Response {
  return new Response(text, { status, headers: { "content-type": "text/event-stream" } });
}

async function follow(answers: Array<Response | Error>): Promise<{ asked: Array<string | null>; events: string[]; states: StreamState[]; refused: string[] }> {
  const asked: Array<string | null> = [];
  const events: string[] = [];
  const states: StreamState[] = [];
  const refused: string[] = [];
  await new Promise<void>((resolve) => {
    const stop = openStream({
      url: "/events",
      onEvent: (event) => events.push(event.data),
      onState: (state) => {
        states.push(state);
        if (state === "closed") resolve();
      },
      onRefused: (problem) => refused.push(`${problem.status} ${problem.kind}`),
      random: () => 0,
      wait: async () => {
        if (answers.length === 0) stop();
      },
      fetch: async (_, init) => {
        asked.push(new Headers(init?.headers).get("last-event-id"));
        const next = answers.shift();
        if (next instanceof Error || !next) throw next ?? new TypeError("gone");
        return next;
      },
    });
  });
  return { asked, events, states, refused };
}

describe("the stream", () => {
  it("goes on after the last event it saw, through lost connections and errors", async () => {
    const seen = await follow([answer("id: r.1.1\ndata: a\n\nid: r.1.2\ndata: b\n\nid: r.1.3\ndata: cut"), new TypeError("network"), answer("", 502), answer("id: r.1.3\ndata: c\n\n")]);
    expect(seen.asked).toEqual([null, "r.1.2", "r.1.2", "r.1.2"]);
    expect(seen.events).toEqual(["a", "b", "c"]);
    expect(seen.states.at(-1)).toBe("closed");
  });
  it("does not try again when it is refused", async () => {
    const problem = JSON.stringify({ type: "signed_out", status: 401, title: "You are not signed in." });
    const seen = await follow([answer(problem, 401), answer("data: never\n\n")]);
    expect(seen.asked).toHaveLength(1);
    expect(seen.refused).toEqual(["401 signed_out"]);
    expect(seen.events).toEqual([]);
  });
});
