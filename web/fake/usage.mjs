// What the answers of the fake backend cost, and what went out for them.

const now = () => new Date().toISOString();

/** All answers so far, which are of today, of one model and one kind. */
export function used(my, by) {
  const rows = new Map();
  for (const { chat, usage } of [...my.messages.values()].flat()) {
    if (!usage) continue;
    const key = by === "session" ? { chat, title: my.chats.get(chat)?.title } : { day: { day: now().slice(0, 10) }, model: { provider: "anthropic", model: "claude-fake" }, cause: { cause: "turn" } }[by];
    const row = rows.get(JSON.stringify(key)) ?? { ...key, input: 0, output: 0, cache_read: 0, cache_write: 0, calls: 0 };
    for (const name of Object.keys(usage)) row[name] += usage[name];
    row.calls += 1;
    rows.set(JSON.stringify(key), row);
  }
  return [...rows.values()];
}

export function count(my, host, sent, received) {
  const day = now().slice(0, 10);
  const row = my.egress.get(`${day} ${host}`) ?? { host, day, calls: 0, refused: 0, sent: 0, received: 0 };
  my.egress.set(`${day} ${host}`, { ...row, calls: row.calls + 1, sent: row.sent + sent, received: row.received + received });
}
