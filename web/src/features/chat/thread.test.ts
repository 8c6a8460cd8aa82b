import { describe, expect, it } from "vitest";
import type { Approval, ChatEvent, Message } from "../../api/types";
import { Thread } from "./thread";

const question: Message = {
  id: "msg_1", chat: "chat_1", run: "run_1", role: "user", status: "complete", text: "Hello", parts: [{ type: "text", text: "Hello" }],
  author: { kind: "person" }, needs_model: false, created: "2026-11-21T09:00:00Z", version: 1, versions: 1,
};
const answer: Message = {
  id: "msg_2", chat: "chat_1", run: "run_1", role: "assistant", status: "queued", text: "", parts: [],
  parent: "msg_1", version: 1, versions: 1, author: { kind: "model", provider: "anthropic", model: "claude" }, needs_model: false, created: "2026-11-21T09:00:01Z",
};
const whole: Message = { ...answer, status: "complete", text: "Hi Mira", parts: [{ type: "text", text: "Hi Mira" }] };

function thread(): { thread: Thread; show: () => void; texts: () => string[] } {
  let flush: (() => void) | undefined;
  const store = new Thread((next) => {
    flush = next;
  });
  const show = () => flush?.();
  const texts = () => store.state().order.map((id) => `${store.message(id)?.status} ${store.message(id)?.text}`);
  return { thread: store, show, texts };
}

const events: ChatEvent[] = [
  { type: "run.started", run: "run_1", question, answer },
  { type: "text.delta", message: "msg_2", text: "Hi " },
  { type: "tool.called", message: "msg_2", call: "c1", tool: "memory", input: { command: "view" } },
  { type: "tool.finished", message: "msg_2", call: "c1", ok: true, summary: "Read MEMORY.md" },
  { type: "text.delta", message: "msg_2", text: "Mira" },
  { type: "usage", message: "msg_2", usage: { input: 5, output: 2, cache_read: 0, cache_write: 0 } },
];

describe("the thread", () => {
  it("folds the events into messages with their parts in order", () => {
    const { thread: store, show } = thread();
    for (const event of events) store.apply(event);
    show();
    const shown = store.message("msg_2");
    expect(shown?.text).toBe("Hi Mira");
    expect(shown?.parts.map((part) => part.type)).toEqual(["text", "tool", "text"]);
    expect(shown?.parts[1]).toMatchObject({ status: "ok", summary: "Read MEMORY.md" });
    expect(shown?.usage?.output).toBe(2);
    expect(store.state().run).toBe("run_1");
  });

  it("says why nothing comes yet, until something comes", () => {
    const { thread: store, show } = thread();
    store.apply({ type: "run.started", run: "run_1", question, answer });
    store.apply({ type: "message.waiting", message: "msg_2", reason: "Anthropic asks us to slow down.", seconds: 7 });
    show();
    expect(store.message("msg_2")?.pause).toEqual({ reason: "Anthropic asks us to slow down.", seconds: 7 });
    store.apply({ type: "text.delta", message: "msg_2", text: "Hi" });
    show();
    expect(store.message("msg_2")?.pause).toBeUndefined();
  });

  it("lets go of the run while a request waits for the person, and takes it up with the answer", () => {
    const { thread: store, show } = thread();
    const line = { line: "c1", tool: "memory", title: "Delete from memory", details: [], input: { command: "delete" }, why: "", rule: "", sources: [], edited: false };
    const approval: Approval = { id: "wait_1", run: "run_1", chat: "chat_1", message: "msg_2", status: "waiting", lines: [line], opened: "2026-11-21T09:00:02Z", expires: "2026-11-28T09:00:02Z" };
    for (const event of events.slice(0, 3)) store.apply(event);
    store.apply({ type: "approval.requested", message: "msg_2", approval });
    show();
    expect(store.message("msg_2")?.parts[1]).toMatchObject({ status: "waiting" });
    expect(store.message("msg_2")?.approvals).toEqual([approval]);
    expect(store.state().run).toBe(null);
    const edited = { ...line, input: { command: "view" }, edited: true, allowed: true };
    store.apply({ type: "approval.decided", message: "msg_2", approval: { ...approval, status: "approved", lines: [edited] } });
    show();
    expect(store.message("msg_2")?.parts[1]).toMatchObject({ status: "running", input: { command: "view" } });
    expect(store.message("msg_2")?.approvals?.map(({ status }) => status)).toEqual(["approved"]);
    expect(store.state().run).toBe("run_1");
  });

  it("shows nothing before the frame, and one change per frame", () => {
    const { thread: store, show, texts } = thread();
    let calls = 0;
    store.subscribeTo("msg_2", () => calls++);
    for (const event of events) store.apply(event);
    expect(texts()).toEqual([]);
    show();
    expect(calls).toBe(1);
  });

  it("lets a snapshot replace what was there, also by less", () => {
    const { thread: store, show, texts } = thread();
    for (const event of events) store.apply(event);
    store.apply({ type: "message.snapshot", message: { ...answer, status: "streaming", text: "Again", parts: [{ type: "text", text: "Again" }] }, attempt: 2 });
    show();
    expect(texts()).toEqual(["complete Hello", "streaming Again"]);
  });

  it("ends with the completed message, says so once, and ignores what comes late", () => {
    const { thread: store, show, texts } = thread();
    const finished: string[] = [];
    store.onFinished = (message) => finished.push(message.text);
    for (const event of events) store.apply(event);
    store.apply({ type: "message.completed", message: whole });
    store.apply({ type: "message.completed", message: whole });
    store.apply({ type: "text.delta", message: "msg_2", text: " late" });
    store.upsert(answer);
    store.apply({ type: "run.finished", run: "run_1", status: "succeeded" });
    show();
    expect(texts()).toEqual(["complete Hello", "complete Hi Mira"]);
    expect(finished).toEqual(["Hi Mira"]);
    expect(store.state().run).toBe(null);
  });

  it("lets a failed answer go on when the stream says so", () => {
    const { thread: store, show, texts } = thread();
    for (const event of events) store.apply(event);
    store.apply({ type: "message.completed", message: { ...whole, status: "failed", text: "Hi", parts: [{ type: "text", text: "Hi" }] } });
    store.upsert({ ...answer, status: "queued" });
    show();
    expect(texts()[1]).toBe("failed Hi");
    store.apply({ type: "message.snapshot", message: { ...answer, status: "streaming", text: "Hi", parts: [{ type: "text", text: "Hi" }] }, attempt: 2 });
    store.apply({ type: "text.delta", message: "msg_2", text: " Mira" });
    show();
    expect(texts()[1]).toBe("streaming Hi Mira");
    expect(store.state().run).toBe("run_1");
  });

  it("does not let an older page overwrite what the stream has brought", () => {
    const { thread: store, show, texts } = thread();
    for (const event of events.slice(0, 2)) store.apply(event);
    store.load([question, answer], null, "newest");
    show();
    expect(texts()).toEqual(["complete Hello", "streaming Hi "]);
    store.load([question, whole], null, "newest");
    show();
    expect(texts()).toEqual(["complete Hello", "complete Hi Mira"]);
    store.load([question, answer], null, "newest");
    show();
    expect(texts()).toEqual(["complete Hello", "complete Hi Mira"]);
    expect(store.state().run).toBe(null);
  });

  it("puts older pages in front and newer messages at the end", () => {
    const { thread: store, show } = thread();
    const old = { ...question, id: "msg_0" };
    const first = { ...question, parent: "msg_0" };
    store.load([first], "msg_1", "newest");
    store.upsert({ ...question, id: "msg_9", parent: "msg_1" });
    store.load([old], null, "older");
    store.load([first], "msg_1", "newest");
    show();
    expect(store.state().order).toEqual(["msg_0", "msg_1", "msg_9"]);
    expect(store.state().older).toBe(null);
  });

  describe("with versions", () => {
    const second: Message = { ...answer, id: "msg_3", run: "run_2", version: 2, versions: 2, siblings: ["msg_2", "msg_3"] };
    const behind: Message = { ...question, id: "msg_4", parent: "msg_2" };

    it("cuts at the place where another version begins, and goes on from there", () => {
      const { thread: store, show } = thread();
      const read: (string | null)[] = [];
      store.onStale = (after) => read.push(after);
      store.load([question, whole, behind], null, "newest");
      store.apply({ type: "path.changed", after: "msg_1" });
      store.apply({ type: "run.started", run: "run_2", question, answer: second });
      show();
      expect(store.state().order).toEqual(["msg_1", "msg_3"]);
      expect(store.state().run).toBe("run_2");
      expect(read).toEqual(["msg_1"]);
    });

    it("does not show what goes on in a version that is hidden", () => {
      const { thread: store, show } = thread();
      store.load([question, { ...second, status: "complete" }], null, "newest");
      store.apply({ type: "message.snapshot", message: { ...answer, status: "streaming" }, attempt: 1 });
      store.apply({ type: "message.completed", message: whole });
      show();
      expect(store.state().order).toEqual(["msg_1", "msg_3"]);
      expect(store.state().run).toBe(null);
    });

    it("keeps what the stream brought behind the page, and nothing of another version", () => {
      const { thread: store, show } = thread();
      store.load([question, whole], null, "newest");
      store.upsert(behind);
      store.load([question, whole], null, "newest");
      show();
      expect(store.state().order).toEqual(["msg_1", "msg_2", "msg_4"]);
      store.load([question, { ...second, status: "complete" }], null, "newest");
      show();
      expect(store.state().order).toEqual(["msg_1", "msg_3"]);
    });

    it("asks for the pages when the first message has another version, and shows the old one until then", () => {
      const { thread: store, show } = thread();
      const read: (string | null)[] = [];
      store.onStale = (after) => read.push(after);
      store.load([question, whole], null, "newest");
      store.apply({ type: "path.changed" });
      show();
      expect([store.state().order, read]).toEqual([["msg_1", "msg_2"], [null]]);
      store.upsert({ ...question, id: "msg_7", version: 2, versions: 2, siblings: ["msg_1", "msg_7"] });
      show();
      expect(store.state().order).toEqual(["msg_7"]);
    });
  });

  it("tells what came while it was watched from what was read, and knows that another version is being read", () => {
    const { thread: store, show } = thread();
    store.apply({ type: "run.started", run: "run_1", question, answer });
    show();
    expect([store.hasArrived("msg_1"), store.hasArrived("msg_2")]).toEqual([true, true]);
    store.apply({ type: "path.changed", after: "msg_1" });
    show();
    expect(store.state()).toMatchObject({ order: ["msg_1"], isTurning: true });
    store.load([question, { ...answer, id: "msg_3", parent: "msg_1" }], null, "newest");
    show();
    expect(store.state()).toMatchObject({ order: ["msg_1", "msg_3"], isTurning: false });
    expect(store.hasArrived("msg_3")).toBe(false);
  });
});
