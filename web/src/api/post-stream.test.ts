import { expect, it } from "vitest";
import { ProblemError } from "./problem";
import { postStream } from "./sse";

const run = async (answer: Response, signal = new AbortController().signal) => {
  const events: string[] = [];
  const asked: RequestInit[] = [];
  const ended = postStream({ url: "/start", signal, onEvent: ({ data }) => events.push(data), fetch: async (_, init) => (asked.push(init ?? {}), answer) });
  return { outcome: await ended.then(() => "ended", (error: unknown) => error), events, asked };
};

it("starts once with POST, gives each event, and ends with the stream", async () => {
  const { outcome, events, asked } = await run(new Response('data: {"a":1}\n\ndata: {"a":2}\n\n', { headers: { "content-type": "text/event-stream" } }));
  expect({ outcome, events, times: asked.length, method: asked[0]?.method }).toEqual({ outcome: "ended", events: ['{"a":1}', '{"a":2}'], times: 1, method: "POST" });
});

it("a refusal is the server's problem, with its next step", async () => {
  const wire = { type: "test_running", status: 429, title: "A test is running already.", next_step: "Wait." };
  const { outcome } = await run(new Response(JSON.stringify(wire), { status: 429, headers: { "retry-after": "5" } }));
  expect(outcome).toBeInstanceOf(ProblemError);
  expect((outcome as ProblemError).problem).toMatchObject({ kind: "test_running", title: wire.title, next_step: "Wait.", retry_after: 5 });
});

it("leaving ends the request, also one that says nothing", async () => {
  const leaving = new AbortController();
  let ended: AbortSignal | null | undefined;
  const reading = postStream({
    url: "/start",
    signal: leaving.signal,
    onEvent: () => {},
    fetch: (_, init) => new Promise((_resolve, reject) => {
      ended = init?.signal;
      init?.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
    }),
  });
  leaving.abort();
  await expect(reading).rejects.toThrow("aborted");
  expect(ended?.aborted).toBe(true);
});
