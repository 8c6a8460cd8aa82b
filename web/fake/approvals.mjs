// Approval requests of the fake backend: what a script wants and may not do by itself waits here for the person.

const DAY = 86_400_000;
const now = () => new Date().toISOString();

/** The doors, as the backend lists them. */
export function routes(fail, Refusal) {
  const find = (my, at) => my.approvals.get(at) ?? fail(new Refusal(404, "approval_not_found", "There is no such approval request.", "Check the address, or go back to the list."));
  return [
    ["GET", "approvals", "session", ({ my, query }) => {
      const wanted = query.get("status");
      const fits = ({ status }) => !wanted || (status === "waiting") === (wanted === "waiting");
      return { items: [...my.approvals.values()].map(({ approval }) => ({ ...approval, chat_title: my.chats.get(approval.chat)?.title })).filter(fits).reverse() };
    }],
    ["GET", "approvals/:id", "session", ({ my, at }) => find(my, at).approval],
    ["POST", "approvals/:id", "session", ({ my, at, body }) => {
      const { approval, resolve } = find(my, at);
      const wrong = decide(approval, body);
      if (wrong) fail(new Refusal(wrong.status, wrong.type, wrong.title, wrong.next_step, { field: wrong.field }));
      resolve(false);
      return approval;
    }],
  ];
}

/** Takes back what a run has asked for, because it was stopped. */
export function withdraw(my, run) {
  for (const { approval, resolve } of my.approvals.values()) {
    if (approval.run !== run || approval.status !== "waiting") continue;
    Object.assign(approval, { status: "withdrawn", decided: now() });
    resolve(true);
  }
}

/** A request for these lines of a script, and what is called when it is answered. */
export function request(id, { run, chat, message, lines }) {
  const opened = now();
  return {
    id,
    run,
    chat: chat.id,
    chat_title: chat.title,
    message,
    status: "waiting",
    lines: lines.map(({ call, tool, input, title, details, why, sources = [] }) => ({ line: call, tool, input, title, details, why, rule: "memory_after_outside", sources, edited: false })),
    opened,
    expires: new Date(Date.parse(opened) + 7 * DAY).toISOString(),
  };
}

/** Answers a request; says why not, if it was answered before or does not fit. */
function decide(approval, body) {
  if (approval.status !== "waiting") {
    const word = approval.status === "approved" ? "approved" : "rejected";
    return { status: 409, type: "approval_decided", title: `This was already ${word} by you.`, next_step: "Nothing was changed now. Ask for it anew if you want it otherwise." };
  }
  const all = approval.lines.map(({ line }) => line);
  const wanted = body.decision === "approve" ? (body.lines ?? all) : [];
  if (body.decision === "approve" && (wanted.length === 0 || wanted.some((line) => !all.includes(line)))) {
    return { status: 422, type: "lines_unknown", title: "These lines are not those of this request.", next_step: "Choose at least one line of the request, or reject it.", field: "lines" };
  }
  approval.status = body.decision === "approve" ? "approved" : "rejected";
  approval.decided = now();
  if (body.reason) approval.reason = body.reason;
  for (const line of approval.lines) {
    line.allowed = wanted.includes(line.line);
    if (!line.allowed || !body.edited_input) continue;
    line.edited = true;
    line.input = body.edited_input;
    for (const detail of line.details) if (detail.field) detail.text = body.edited_input[detail.field];
  }
  return null;
}
