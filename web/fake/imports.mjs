// Imports of the fake backend: a file comes in pieces, is looked through, and becomes chats one after the other. Of
// exports it knows the plain list of Claude; what a test holds back stays until it lets go.

/** The routes, and what they need of the backend around them. */
export function importRoutes({ id, now, home, fail, refusal }) {
  const pause = () => new Promise((resolve) => setTimeout(resolve, home.speed));
  const missing = () => refusal(404, "import_not_found", "There is no such import.", "Check the address, or go back to the list.");
  const all = (my) => (my.imports ??= new Map());
  const of = (my, at) => all(my).get(at) ?? fail(missing());
  const shown = ({ text: _, found: __, account: ___, ...one }) => one;
  const nothing = () => ({ chats: 0, messages: 0, known: 0, empty: 0, unreadable: 0, left: { files: 0, voice: 0, steps: 0 } });

  function broken(one, type, title, next_step) {
    Object.assign(one, { state: "failed", text: "", problem: { type, status: 422, title, next_step } });
  }

  async function check(my, one) {
    await pause();
    if (!one.text.trimStart().startsWith("[")) return broken(one, "import_wrong_kind", "This file is neither a ZIP nor a conversations.json.", "Choose the ZIP that ChatGPT or Claude sent you, or the conversations.json in it.");
    let list;
    try {
      list = JSON.parse(one.text);
    } catch {
      return broken(one, "import_json_broken", "The list of conversations in this file is cut off or damaged.", "Download the export again, and choose the new file.");
    }
    const known = new Set([...my.chats.values()].filter((chat) => !chat.deleted).map((chat) => chat.source));
    one.found = list.map((from, at) => ({ number: at + 1, title: from.name || from.chat_messages[0].text, messages: from.chat_messages.length, known: known.has(from.uuid), created: from.created_at, updated: from.updated_at, from }));
    const fresh = one.found.filter((chat) => !chat.known);
    const days = fresh.flatMap((chat) => [chat.created, chat.updated]).sort();
    const files = fresh.flatMap((chat) => chat.from.chat_messages).reduce((sum, message) => sum + (message.attachments?.length ?? 0), 0);
    const messages = fresh.reduce((sum, chat) => sum + chat.messages, 0);
    Object.assign(one.preview, { service: "claude", chats: fresh.length, messages, known: one.found.length - fresh.length, oldest: days[0], newest: days.at(-1), left: { files, voice: 0, steps: 0 } });
    one.state = "ready";
  }

  async function take(my, one, waiting) {
    while (waiting.length > 0 && one.state === "running") {
      await pause();
      while (home.held_import && one.state === "running") await pause();
      if (one.state !== "running") break;
      const { title, created, updated, from } = waiting.shift();
      const chat = { id: id("chat"), title, effort: "normal", pinned: false, archived: false, temporary: false, created, updated, imported_from: "claude", source: from.uuid, import: one.id };
      my.chats.set(chat.id, chat);
      const said = [];
      for (const message of from.chat_messages) {
        const isQuestion = message.sender === "human";
        said.push({ id: id("msg"), chat: chat.id, role: isQuestion ? "user" : "assistant", status: "complete", text: message.text, parts: [{ type: "text", text: message.text }], author: isQuestion ? { kind: "person" } : { kind: "imported", service: "claude" }, needs_model: false, created: message.created_at, parent: said.at(-1)?.id, version: 1, versions: 1 });
      }
      my.messages.set(chat.id, said);
      one.taken += 1;
    }
    if (one.state === "running") Object.assign(one, { state: "done", text: "", found: [] });
    else one.found = waiting;
  }

  return [
    ["GET", "imports", "session", ({ my }) => ({ items: [...all(my).values()].map(shown).reverse() })],
    ["POST", "imports", "session", ({ my, body }) => {
      const one = { id: id("imp"), state: "receiving", size: body.size, received: 0, preview: nothing(), wanted: 0, taken: 0, created: now(), text: "", found: [] };
      for (const [at, left] of all(my)) if (left.state === "receiving") all(my).delete(at);
      all(my).set(one.id, one);
      return { status: 201, body: shown(one) };
    }],
    ["GET", "imports/:id", "session", ({ my, at }) => shown(of(my, at))],
    ["PUT", "imports/:id/parts", "session", ({ my, at, query, raw }) => {
      if (home.failing-- > 0) fail(refusal(507, "space_full", "Your space is full, so nothing was added.", "Delete chats or files of your memory that you no longer need, or ask the administrator for more space."));
      const one = of(my, at);
      if (Number(query.get("offset")) === one.received) {
        one.text += raw;
        one.received += Buffer.byteLength(raw);
      }
      if (one.received === one.size && one.state === "receiving") {
        one.state = "checking";
        void check(my, one);
      }
      return shown(one);
    }],
    ["GET", "imports/:id/chats", "session", ({ my, at }) => ({ items: of(my, at).found.map(({ from: _, ...chat }) => chat) })],
    ["POST", "imports/:id/start", "session", ({ my, at, body }) => {
      const one = of(my, at);
      const waiting = one.found.filter((chat) => !chat.known && !body.except.includes(chat.number));
      Object.assign(one, { state: "running", run: id("run"), wanted: one.taken + waiting.length, problem: undefined });
      my.runs.set(one.run, { isOver: true, set isCancelled(_) { one.state = "ready"; } });
      void take(my, one, waiting);
      return { status: 202, body: shown(one) };
    }],
    ["DELETE", "imports/:id", "session", ({ my, at }) => {
      const one = of(my, at);
      one.state = "removing";
      for (const chat of my.chats.values()) if (chat.import === at) for (const map of [my.chats, my.messages]) map.delete(chat.id);
      setTimeout(() => all(my).delete(at), home.speed * 4);
      return { status: 204 };
    }],
  ];
}
