// A backend in memory that speaks the same contract as the real one: for development, component and browser tests.
// No dependencies. `node fake/server.mjs [--port 8791]` also serves `dist/` with the headers of the gateway.
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { request, routes as approvalRoutes, withdraw } from "./approvals.mjs";
import { along, fileBytes, takeIn } from "./attachments.mjs";
import { days as egressDays, hostProblem } from "./egress.mjs";
import { importRoutes } from "./imports.mjs";
import { answer as scripted } from "./script.mjs";
import { count, used } from "./usage.mjs";
import { choose, count as countVersions, shown as shownOf } from "./versions.mjs";
import { spaceAt, tryWalls } from "./walls.mjs";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html; charset=utf-8", ".woff2": "font/woff2" };
export const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** Read once: a build that runs meanwhile must not take the pages away. */
const FILES = new Map(existsSync(DIST) ? readdirSync(DIST, { recursive: true }).map((name) => join(DIST, String(name))).filter((path) => statSync(path).isFile()).map((path) => [path, readFileSync(path)]) : []);

const id = (prefix) => `${prefix}_${randomUUID().replaceAll("-", "").slice(0, 20)}`;
const now = () => new Date().toISOString();

class Refusal extends Error {
  constructor(status, type, title, next_step, more = {}) {
    super(title);
    this.status = status;
    this.body = { type, status, title, next_step, ...more };
  }
}
const missing = (what) => new Refusal(404, `${what}_not_found`, `There is no such ${what}.`, "Check the address, or go back to the list.");

/** One installation with everything in it. Each call makes a fresh one, so that tests do not meet. */
export function newInstallation({ speed = 25 } = {}) {
  const accounts = new Map();
  const sessions = new Map();
  const invitations = new Map();
  const spaces = new Map();
  const options = { sign_up: "closed", local: null, code: null };
  const home = { speed, unavailable: 0, failing: 0, level: "own_user", walls: {}, egress: [], limits: { items: [] } };

  function space(account) {
    let found = spaces.get(account.server);
    if (!found) {
      found = { chats: new Map(), folders: [], instructions: new Map(), messages: new Map(), attachments: new Map(), runs: new Map(), files: new Map(), streams: new Map(), log: new Map(), sent: new Map(), approvals: new Map(), chosen: new Set(), key: null, started: now(), epoch: 1, egress: new Map(), hosts: new Map() };
      spaces.set(account.server, found);
    }
    return found;
  }

  const modeNow = () => (accounts.size === 0 ? "first" : options.sign_up);

  function emit(my, chat, event, run = "chat") {
    const log = my.log.get(chat) ?? [];
    my.log.set(chat, log);
    const entry = { id: `${run}.${my.epoch}.${log.length + 1}`, event };
    log.push(entry);
    for (const stream of my.streams.get(chat) ?? []) write(stream, entry);
  }
  function write(stream, { id: at, event }) {
    stream.write(`id: ${at}\ndata: ${JSON.stringify(event)}\n\n`);
  }

  function provider(my) {
    const local = options.servers ?? [];
    if (my.key) return { connected: true, source: "own_key", provider: "anthropic", model: "claude-sonnet-4-5", local };
    if (options.local) return { connected: true, source: "local", provider: "openai_compatible", model: options.local.model, local };
    return { connected: false, source: null, provider: null, model: null, local };
  }

  function ask(my, chat, text, parent, attachments = []) {
    if (attachments.includes(undefined)) fail(new Refusal(404, "attachment_not_found", "This file is not there any more.", "Attach it again. Files that are not sent within a day are removed.", { field: "attachments" }));
    if (!text.trim() && attachments.length === 0) fail(new Refusal(422, "message_empty", "There is nothing in this message.", "Write something, then send it."));
    for (const file of attachments) my.attachments.get(file.id).isSent = true;
    const question = { id: id("msg"), chat: chat.id, role: "user", status: "complete", attachments, text, parts: [{ type: "text", text }], author: { kind: "person" }, needs_model: false, created: now(), parent };
    my.messages.get(chat.id).push(question);
    return question;
  }

  const message = (my, at) => [...my.messages.values()].flat().find((one) => one.id === at) ?? fail(missing("message"));

  /** Makes a version the one that is shown, and tells everybody. */
  function show(my, chat, at) {
    const all = my.messages.get(chat);
    countVersions(all);
    const changed = choose(all, my.chosen, at);
    if (changed) emit(my, chat, { type: "path.changed", ...changed });
  }

  /** Begins the turn of a question; behind one that is running it waits. */
  function begin(my, chat, question, isVersion) {
    const run = id("run");
    const isBusy = [...my.runs.values()].some((one) => one.chat === chat && !one.isOver && !one.isParked);
    // An answer that is asked for again goes on in its place.
    const before = isVersion ? undefined : my.messages.get(chat.id).find((message) => message.role === "assistant" && message.run === question.run && question.run);
    question.run = run;
    const answer = before ? Object.assign(before, { run, status: "queued", text: "", parts: [], needs_model: false, problem: null }) : { id: id("msg"), chat: chat.id, run, role: "assistant", status: "queued", text: "", parts: [], author: { kind: "ally" }, needs_model: false, created: now(), parent: question.id };
    if (!before) my.messages.get(chat.id).push(answer);
    countVersions(my.messages.get(chat.id));
    if (isVersion) show(my, chat.id, answer.id);
    my.runs.set(run, { chat, answer, question, isCancelled: false, isWaiting: isBusy });
    if (isBusy) {
      question.status = "queued";
      for (const one of [question, answer]) emit(my, chat.id, { type: "message.snapshot", message: one, attempt: 1 }, run);
    } else {
      emit(my, chat.id, { type: "run.started", run, question, answer }, run);
      void work(my, run, 1);
    }
    return { message: question, answer, run };
  }

  /** Works through the script of an answer; a stop kills it in the middle, and it is resumed as a new attempt. */
  async function work(my, run, attempt) {
    const { chat, answer, question } = my.runs.get(run);
    const state = my.runs.get(run);
    const life = (state.life = Symbol());
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms * (home.speed / 25)));
    const steps = scripted(question.text, provider(my), files(my));
    Object.assign(answer, { status: "streaming", text: "", parts: [], author: steps.author, needs_model: steps.needs_model === true });
    if (attempt > 1) emit(my, chat.id, { type: "message.snapshot", message: answer, attempt }, run);
    await pause(30);
    for (const step of steps.steps) {
      if (state.life !== life) return;
      if (state.isCancelled) return finish(my, run, "stopped");
      if (step.text !== undefined) {
        answer.text += step.text;
        const last = answer.parts.at(-1);
        if (last?.type === "text") last.text += step.text;
        else answer.parts.push({ type: "text", text: step.text });
        emit(my, chat.id, { type: "text.delta", message: answer.id, text: step.text }, run);
        if (steps.author.kind === "model") await pause(25);
      } else if (step.tool) {
        const call = id("call");
        const part = { type: "tool", call, tool: step.tool, input: step.input, status: "running" };
        answer.parts.push(part);
        emit(my, chat.id, { type: "tool.called", message: answer.id, call, tool: step.tool, input: step.input }, run);
        if (steps.author.kind === "model") await pause(150);
        if (state.life !== life) return;
        const done = step.act?.() ?? {};
        Object.assign(part, { status: "ok", summary: done.summary, file: done.file });
        emit(my, chat.id, { type: "tool.finished", message: answer.id, call, ok: true, summary: done.summary, file: done.file }, run);
        if (done.file) emit(my, chat.id, { type: "memory.changed", ...done.file, change: "changed" }, run);
      } else if (step.ask) {
        const isStopped = await asked(my, run, step.ask);
        if (state.life !== life) return;
        if (isStopped) return finish(my, run, "stopped");
      } else if (step.fail) {
        answer.problem = step.fail;
        return finish(my, run, "failed");
      }
    }
    const tools = answer.parts.filter((part) => part.type === "tool");
    if (steps.author.kind === "model") answer.receipt = { calls: tools.length ? 2 : 1, tools: tools.length, failed: 0, changes: tools.filter((part) => part.file).length, millis: 1400, ...(my.key && { own_calls: tools.length ? 2 : 1, cost_micro_usd: 12_300 }) };
    if (steps.not_verified) answer.not_verified = steps.not_verified;
    if (steps.usage) {
      count(my, "api.anthropic.com", question.text.length * 40, answer.text.length * 3);
      answer.usage = steps.usage;
      emit(my, chat.id, { type: "usage", message: answer.id, usage: steps.usage }, run);
    }
    finish(my, run, "complete");
  }

  /** Puts lines of a script before the person, and does those that they agree to. Says whether the turn was stopped. */
  async function asked(my, run, wanted) {
    const { chat, answer } = my.runs.get(run);
    const lines = wanted.map((line) => ({ ...line, call: id("call") }));
    for (const { call, tool, input } of lines) {
      answer.parts.push({ type: "tool", call, tool, input, status: "waiting" });
      emit(my, chat.id, { type: "tool.called", message: answer.id, call, tool, input }, run);
    }
    const approval = request(id("wait"), { run, chat, message: answer.id, lines });
    answer.approvals = [...(answer.approvals ?? []), approval];
    const answered = new Promise((resolve) => my.approvals.set(approval.id, { approval, resolve }));
    emit(my, chat.id, { type: "approval.requested", message: answer.id, approval }, run);
    my.runs.get(run).isParked = true;
    next(my, chat);
    const isStopped = await answered;
    my.runs.get(run).isParked = false;
    emit(my, chat.id, { type: "approval.decided", message: answer.id, approval }, run);
    for (const { call, act } of lines) {
      const part = answer.parts.find((one) => one.call === call);
      const line = approval.lines.find((one) => one.line === call);
      const done = line.allowed ? act(line.input) : { summary: isStopped ? "Not run: the person stopped it." : "Not run: the person said no." };
      Object.assign(part, { status: line.allowed ? "ok" : "failed", input: line.input, ...done });
      emit(my, chat.id, { type: "tool.finished", message: answer.id, call, ok: line.allowed === true, ...done }, run);
    }
    return isStopped;
  }

  function finish(my, run, status) {
    const { chat, answer, question } = my.runs.get(run);
    my.runs.get(run).isOver = true;
    answer.status = status;
    emit(my, chat.id, { type: "message.completed", message: answer }, run);
    emit(my, chat.id, { type: "run.finished", run, status: status === "complete" ? "succeeded" : status }, run);
    chat.updated = now();
    if (!chat.title) chat.title = question.text.split("\n")[0].slice(0, 60);
    emit(my, chat.id, { type: "chat.changed", chat });
    next(my, chat);
  }

  /** The turn that waits behind what went before begins. */
  function next(my, chat) {
    const [first, waiting] = [...my.runs].find(([, one]) => one.chat === chat && one.isWaiting) ?? [];
    if (!first) return;
    waiting.isWaiting = false;
    waiting.question.status = "complete";
    emit(my, chat.id, { type: "run.started", run: first, question: waiting.question, answer: waiting.answer }, first);
    void work(my, first, 1);
  }

  function files(my) {
    return {
      read: (path) => my.files.get(path)?.at(-1)?.text ?? null,
      list: () => [...my.files.keys()].filter((path) => my.files.get(path).at(-1).text !== null),
      write(path, text, author = "builtin", reason = "You said so in a chat") {
        const versions = my.files.get(path) ?? [];
        my.files.set(path, versions);
        versions.push({ id: id("ver"), at: now(), author, reason, text });
        return { path, version: versions.at(-1).id };
      },
    };
  }

  function stopAssistant(my) {
    my.epoch += 1;
    my.started = now();
    for (const set of my.streams.values()) for (const stream of set) stream.destroy();
    my.log.clear();
    for (const [run, state] of my.runs) {
      if (state.isOver || state.isWaiting) continue;
      state.life = null;
      setTimeout(() => void work(my, run, 2), 400);
    }
  }

  // Each route: method, pattern, whether a session is needed, what it does.
  const shown = (account) => ({ id: account.id, email: account.email, name: account.name ?? null, timezone: account.timezone ?? null, administrator: account.administrator, server: account.server, created: account.created });
  const open = (account, agent) => {
    const sid = id("ses");
    sessions.set(sid, { id: sid, account, created: now(), last_used: now(), agent });
    return { cookie: sid, body: shown(account) };
  };
  const chatOf = (my, key) => my.chats.get(key) ?? fail(missing("chat"));
  const fail = (refusal) => {
    throw refusal;
  };
  const longEnough = (password, field) => [...(password ?? "")].length >= 12 || fail(new Refusal(422, "password_too_short", "The password has fewer than 12 characters.", "Choose a longer one. Four words in a row work well.", { field }));
  const fileOf = (my, path) => my.files.get(decodeURIComponent(path)) ?? fail(missing("file"));
  const fileShown = (path, versions) => {
    const last = versions.at(-1);
    if (last.text === null) fail(missing("file"));
    return { path, text: last.text, version: last.id, updated: last.at };
  };

  const instructionsOf = (my, folder, given) => {
    const limits = { name: 80, tone: 500, rules: 4000 };
    for (const [field, longest] of Object.entries(limits)) {
      const length = [...(given?.[field] ?? "")].length;
      if (length > longest) fail(new Refusal(422, "instructions_too_long", `This is ${length} characters long, and ${longest} fit.`, "Make it shorter. Nothing was changed yet.", { field }));
    }
    const versions = my.instructions.get(folder ?? "") ?? [];
    if (given) my.instructions.set(folder ?? "", [{ name: "", tone: "", rules: "", ...given, changed: now() }, ...versions]);
    return { name: "", tone: "", rules: "", ...my.instructions.get(folder ?? "")?.[0], limits };
  };
  const routes = [
    ["GET", "auth/options", null, () => ({ sign_up: modeNow(), needs_code: options.code !== null && accounts.size === 0, asks_acceptance: accounts.size > 0, asks_adult: true })],
    ["POST", "auth/sign-up", null, ({ body, agent }) => {
      if (!/^\S+@\S+\.\S+$/.test(body.email ?? "")) fail(new Refusal(422, "email_invalid", "This is not an e-mail address.", "Write it as name@example.com.", { field: "email" }));
      longEnough(body.password, "password");
      if (accounts.has(body.email)) fail(new Refusal(409, "email_used", "There is an account with this address already.", "Sign in instead.", { field: "email" }));
      const invitation = [...invitations.values()].find((one) => one.token === body.invitation);
      if (modeNow() === "closed" && !invitation) fail(new Refusal(403, "sign_up_closed", "New accounts are closed here.", "Ask the administrator for an invitation link."));
      if (invitation) invitations.delete(invitation.id);
      const account = { id: id("acc"), email: body.email, password: body.password, name: body.name, timezone: body.timezone, administrator: accounts.size === 0, server: id("srv"), created: now() };
      accounts.set(body.email, account);
      return { status: 201, ...open(account, agent) };
    }],
    ["POST", "auth/sign-in", null, ({ body, agent }) => {
      const account = accounts.get(body.email);
      if (account?.password !== body.password) fail(new Refusal(401, "wrong_credentials", "This e-mail address and password do not go together.", "Check both and try again."));
      return open(account, agent);
    }],
    ["POST", "auth/sign-out", "session", ({ session }) => (sessions.delete(session.id), { status: 204, cookie: "" })],
    ["POST", "auth/invitations/check", null, ({ body }) => ([...invitations.values()].some((one) => one.token === body.invitation) ? { valid: true } : fail(missing("invitation")))],
    ["GET", "account", "session", ({ account }) => shown(account)],
    ["PATCH", "account", "session", ({ account, body }) => shown(Object.assign(account, body))],
    ["POST", "account/password", "session", ({ account, body }) => {
      if (account.password !== body.current) fail(new Refusal(403, "wrong_password", "The current password is not right.", "Check it and try again.", { field: "current" }));
      longEnough(body.new, "new");
      account.password = body.new;
      return { status: 204 };
    }],
    ["GET", "account/sessions", "session", ({ account, session }) => ({ items: [...sessions.values()].filter((one) => one.account === account).map((one) => ({ id: one.id, created: one.created, last_used: one.last_used, agent: "Chrome on Linux", current: one === session })) })],
    ["DELETE", "account/sessions/:id", "session", ({ at }) => (sessions.delete(at), { status: 204 })],
    ["POST", "account/sessions/revoke-others", "session", ({ account, session }) => {
      for (const one of sessions.values()) if (one.account === account && one !== session) sessions.delete(one.id);
      return { status: 204 };
    }],
    ["GET", "installation/people", "session", () => ({ items: [...accounts.values()].map((one) => ({ id: one.id, email: one.email, administrator: one.administrator, tokens_this_month: 0, created: one.created })), tokens_this_month: 0, plans: [] })],
    ["GET", "limits", "session", () => home.limits],
    ["POST", "limits/dismiss", "session", () => ((home.limits = { ...home.limits, notice: undefined }), { status: 204 })],
    ["GET", "usage", "session", ({ my, query }) => ({ items: used(my, query.get("by") ?? "day") })],
    ["GET", "installation", "session", () => ({ sign_up: options.sign_up })],
    ["PATCH", "installation", "session", ({ body }) => ((options.sign_up = body.sign_up), { sign_up: options.sign_up })],
    ["GET", "invitations", "session", () => ({ items: [...invitations.values()].map(({ token: _, ...rest }) => rest) })],
    ["POST", "invitations", "session", () => {
      const one = { id: id("inv"), token: randomUUID(), expires: new Date(Date.now() + 7 * 86_400_000).toISOString() };
      invitations.set(one.id, one);
      return { status: 201, body: { id: one.id, url: `/app/sign-up#invitation=${one.token}`, expires: one.expires } };
    }],
    ["DELETE", "invitations/:id", "session", ({ at }) => (invitations.delete(at), { status: 204 })],
    ["GET", "chats", "session", ({ my, query }) => {
      const folder = query.get("folder");
      const fits = (chat) => !chat.deleted && !chat.temporary && Boolean(chat.archived) === (query.get("archived") === "true") && (!folder || (folder === "none" ? !chat.folder : chat.folder === folder));
      const all = [...my.chats.values()].filter(fits).sort((a, b) => Number(b.pinned) - Number(a.pinned) || b.updated.localeCompare(a.updated));
      const start = Number(query.get("cursor") ?? 0);
      const end = start + Number(query.get("limit") ?? 100);
      return { items: all.slice(start, end), next: end < all.length ? String(end) : null };
    }],
    ["POST", "search", "session", ({ my, body }) => {
      const words = body.q.toLowerCase().split(/\s+/).filter(Boolean);
      const all = [...my.messages.values()].flat().filter((message) => words.length > 0 && !my.chats.get(message.chat).temporary && words.every((word) => message.text.toLowerCase().includes(word)) && (!body.role || message.role === body.role) && (!body.from || message.created >= body.from) && (!body.to || message.created < body.to));
      const snippet = (text) => text.split(new RegExp(`(${words.join("|")})`, "i")).filter(Boolean).map((piece) => ({ text: piece, marked: words.includes(piece.toLowerCase()) }));
      return { items: all.map((message) => ({ chat: message.chat, title: my.chats.get(message.chat).title, archived: my.chats.get(message.chat).archived, message: message.id, role: message.role, created: message.created, snippet: snippet(message.text) })) };
    }],
    ["GET", "instructions", "session", ({ my, query }) => instructionsOf(my, query.get("folder"))],
    ["PUT", "instructions", "session", ({ my, body }) => instructionsOf(my, null, body)],
    ["PUT", "folders/:id/instructions", "session", ({ my, at, body }) => instructionsOf(my, at, body)],
    ["GET", "instructions/versions", "session", ({ my, query }) => ({ items: my.instructions.get(query.get("folder") ?? "") ?? [] })],
    ["DELETE", "instructions/versions", "session", ({ my, query }) => {
      const of = query.get("folder") ?? "";
      if (my.instructions.has(of)) my.instructions.set(of, my.instructions.get(of).slice(0, 1));
      return { status: 204 };
    }],
    ["GET", "instructions/preview", "session", ({ my, query }) => {
      const lines = [null, ...(query.get("folder") ? [query.get("folder")] : [])].map((folder) => instructionsOf(my, folder)).flatMap((one) => [one.name && `- Call the person: ${one.name}`, one.tone && `- Tone: ${one.tone}`, one.rules && `- Rules: ${one.rules}`]);
      return { text: ["You are Ally, the personal assistant of one person.", ...lines.filter(Boolean)].join("\n") };
    }],
    ["GET", "folders", "session", ({ my }) => ({ items: my.folders.map((folder, position) => ({ ...folder, position })).filter((folder) => !folder.deleted) })],
    ["POST", "folders", "session", ({ my, body }) => {
      if (!body.name?.trim()) fail(new Refusal(422, "folder_name", "The name of a folder has 1 to 60 characters, in one line.", "Choose another name.", { field: "name" }));
      const one = { id: id("fld"), name: body.name.trim(), created: now() };
      my.folders.push(one);
      return { status: 201, body: { ...one, position: my.folders.length - 1 } };
    }],
    ["PATCH", "folders/:id", "session", ({ my, at, body }) => {
      const one = my.folders.find((folder) => folder.id === at) ?? fail(missing("folder"));
      if (body.name) one.name = body.name;
      if (body.position !== undefined) my.folders.splice(body.position, 0, ...my.folders.splice(my.folders.indexOf(one), 1));
      return { ...one, position: my.folders.indexOf(one) };
    }],
    ["DELETE", "folders/:id", "session", ({ my, at }) => {
      const one = my.folders.find((folder) => folder.id === at) ?? fail(missing("folder"));
      one.deleted = now();
      one.chats = [...my.chats.values()].filter((chat) => chat.folder === at);
      for (const chat of one.chats) delete chat.folder;
      return { ...one, chats: undefined, position: 0 };
    }],
    ["POST", "folders/:id/restore", "session", ({ my, at }) => {
      const one = my.folders.find((folder) => folder.id === at) ?? fail(missing("folder"));
      for (const chat of one.chats ?? []) chat.folder = at;
      delete one.deleted;
      return { ...one, chats: undefined, position: 0 };
    }],
    ["POST", "chats", "session", ({ my, body }) => {
      const chat = { id: id("chat"), title: body.title ?? "", effort: body.effort ?? "normal", pinned: false, archived: false, temporary: body.temporary === true, created: now(), updated: now() };
      my.chats.set(chat.id, chat);
      my.messages.set(chat.id, []);
      return { status: 201, body: chat };
    }],
    ["GET", "chats/:id", "session", ({ my, at }) => chatOf(my, at)],
    ["PATCH", "chats/:id", "session", ({ my, at, body }) => {
      const chat = Object.assign(chatOf(my, at), body);
      if (body.folder === null) delete chat.folder;
      emit(my, at, { type: "chat.changed", chat });
      return chat;
    }],
    ["DELETE", "chats/:id", "session", ({ my, at }) => {
      const chat = Object.assign(chatOf(my, at), { deleted: now() });
      if (chat.temporary) for (const map of [my.chats, my.messages]) map.delete(at);
      return chat;
    }],
    ["POST", "chats/:id/restore", "session", ({ my, at }) => Object.assign(chatOf(my, at), { deleted: null })],
    ["GET", "chats/:id/context", "session", ({ my, at }) => {
      const { summarised } = chatOf(my, at);
      return { gauge: { used: summarised ? 126_000 : 4_000, limit: 200_000 }, summaries: summarised ? [summarised] : [] };
    }],
    ["GET", "chats/:id/messages", "session", ({ my, at, query }) => {
      chatOf(my, at);
      const all = shownOf(my.messages.get(at), my.chosen);
      const end = query.get("before") ? all.findIndex((message) => message.id === query.get("before")) : all.length;
      const start = Math.max(0, end - Number(query.get("limit") ?? 60));
      return { items: all.slice(start, end), next: start > 0 ? all[start].id : null };
    }],
    ["POST", "chats/:id/messages", "session", ({ my, at, body, key }) => {
      const chat = chatOf(my, at);
      if (home.unavailable-- > 0) fail(new Refusal(503, "assistant_unavailable", "Your assistant did not answer.", "Send it again in a moment.", { retry_after: 1, request: "req_01FAKE" }));
      home.unavailable = 0;
      if (Buffer.byteLength(body.text) > 200_000) fail(new Refusal(413, "message_too_long", "This message is too long.", "Send it in several parts."));
      if (key && my.sent.has(key)) return { status: 202, body: my.sent.get(key) };
      const question = ask(my, chat, body.text, shownOf(my.messages.get(at), my.chosen).at(-1)?.id, along(my, body.attachments));
      const sent = begin(my, chat, question);
      if (key) my.sent.set(key, sent);
      return { status: 202, body: sent };
    }],
    ["POST", "messages/:id/answer", "session", ({ my, at }) => {
      if (!provider(my).connected) fail(new Refusal(409, "no_provider", "No AI provider is connected.", "Connect one in Settings."));
      const question = message(my, at);
      return { status: 202, body: begin(my, chatOf(my, question.chat), question) };
    }],
    ["POST", "messages/:id/edit", "session", ({ my, at, body }) => {
      const old = message(my, at);
      const behind = (one) => one.id === at || (one.parent && behind(message(my, one.parent)));
      for (const run of my.runs.values()) if (!run.isOver && behind(run.answer)) run.isCancelled = true;
      const chat = chatOf(my, old.chat);
      const question = ask(my, chat, body.text, old.parent, along(my, body.attachments, old.attachments));
      return { status: 202, body: begin(my, chat, question, true) };
    }],
    ["POST", "messages/:id/regenerate", "session", ({ my, at }) => {
      const old = message(my, at);
      return { status: 202, body: begin(my, chatOf(my, old.chat), message(my, old.parent), true) };
    }],
    ["PUT", "messages/:id/feedback", "session", ({ my, at, body }) => {
      if (home.failing-- > 0) fail(new Refusal(503, "busy", "It cannot be kept right now.", "Try again in a moment."));
      const one = Object.assign(message(my, at), { feedback: { ...body, at: now() } });
      emit(my, one.chat, { type: "message.snapshot", message: one, attempt: 1 });
      return one.feedback;
    }],
    ["DELETE", "messages/:id/feedback", "session", ({ my, at }) => {
      const one = message(my, at);
      delete one.feedback;
      emit(my, one.chat, { type: "message.snapshot", message: one, attempt: 1 });
      return { status: 204 };
    }],
    ["PUT", "chats/:id/path", "session", ({ my, at, body }) => {
      if (!my.messages.get(chatOf(my, at).id).some(({ id }) => id === body.message)) fail(missing("message"));
      show(my, at, body.message);
      return { status: 204 };
    }],
    ["POST", "runs/:id/cancel", "session", ({ my, at }) => {
      (my.runs.get(at) ?? fail(missing("run"))).isCancelled = true;
      withdraw(my, at);
      return { status: 202, body: {} };
    }],
    ...importRoutes({ id, now, home, fail, refusal: (...words) => new Refusal(...words) }),
    ...approvalRoutes(fail, Refusal),
    ["DELETE", "attachments/:id", "session", ({ my, at }) => (my.attachments.delete(at) ? { status: 204 } : fail(missing("attachment")))],
    ["GET", "memory/files", "session", ({ my }) => ({ items: files(my).list().map((path) => ({ path, size: Buffer.byteLength(files(my).read(path)), updated: my.files.get(path).at(-1).at })) })],
    ["GET", "memory/files/*/versions", "session", ({ my, at }) => ({ items: fileOf(my, at).map(({ text, ...rest }) => ({ ...rest, is_deleted: text === null })).reverse() })],
    ["POST", "memory/files/*/restore", "session", ({ my, at, body }) => {
      const versions = fileOf(my, at);
      const text = body.version === null ? null : (versions.find((one) => one.id === body.version) ?? fail(missing("version"))).text;
      files(my).write(at, text, "person", "Restored");
      return text === null ? { status: 204 } : fileShown(at, versions);
    }],
    ["GET", "memory/files/*", "session", ({ my, at }) => fileShown(at, fileOf(my, at))],
    ["GET", "provider", "session", ({ my }) => provider(my)],
    ["PUT", "provider", "session", ({ my, body }) => {
      if (!body.key.startsWith("sk-ant-") || body.key.includes("wrong")) fail(new Refusal(422, "provider_key_refused", "Anthropic refused this key.", "Copy it again from the Anthropic console, whole and without spaces."));
      my.key = body.key;
      return provider(my);
    }],
    ["DELETE", "provider", "session", ({ my }) => ((my.key = null), provider(my))],
    ["PUT", "provider/local", "session", ({ my, body }) => ((options.local = body), provider(my))],
    ["DELETE", "provider/local", "session", ({ my }) => ((options.local = null), provider(my))],
    ["POST", "assistant/stop", "session", ({ my }) => (stopAssistant(my), { status: 202, body: {} })],
    ["GET", "space", "session", ({ account, my }) => ({ server: account.server, ...spaceAt(home.level), version: "0.1.0", started: my.started })],
    ["GET", "egress", "session", ({ my, query }) => {
      if (home.failing-- > 0) fail(new Refusal(503, "busy", "The counters cannot be read right now.", "Try again in a moment.", { request: "req_01FAKE" }));
      const all = [...my.egress.values(), ...home.egress].filter((row) => row.day >= query.get("from") && row.day <= query.get("to")).sort((a, b) => b.day.localeCompare(a.day));
      const start = Number(query.get("cursor") ?? 0);
      const end = start + 40;
      return { items: all.slice(start, end), next: end < all.length ? String(end) : null };
    }],
    ["GET", "egress/hosts", "session", ({ my }) => ({ items: [...(my.key ? [{ host: "api.anthropic.com", port: 443, from: "provider", since: null }] : []), ...my.hosts.values()] })],
    ["POST", "egress/hosts", "session", ({ my, body }) => {
      const wrong = hostProblem(body.host, body.port);
      if (wrong) fail(new Refusal(422, wrong.type, wrong.title, wrong.next_step, { field: wrong.field }));
      const one = { host: body.host.toLowerCase(), port: body.port ?? 443, from: "person", since: now() };
      my.hosts.set(one.host, one);
      return { status: 201, body: one };
    }],
    ["DELETE", "egress/hosts/:id", "session", ({ my, at }) => (my.hosts.delete(at) ? { status: 204 } : fail(missing("host")))],
    // Only here: what a test changes about the world.
    ["POST", "fake", null, ({ body }) => {
      if (body.speed) home.speed = body.speed;
      if (body.unavailable) home.unavailable = body.unavailable;
      if (body.failing) home.failing = body.failing;
      if (body.chats) for (const account of accounts.values()) for (let at = body.chats; at > 0; at--) remember(space(account), { title: `Chat number ${at}`, messages: 0, updated: new Date(Date.now() - at * 3_600_000).toISOString() });
      if (body.upload !== undefined) home.upload = body.upload;
      if (body.history) for (const account of accounts.values()) remember(space(account), body.history);
      if (body.level) home.level = body.level;
      if (body.walls) home.walls = body.walls;
      if (body.held_import !== undefined) home.held_import = body.held_import;
      if (body.cut) home.held?.destroy();
      if (body.limits) home.limits = body.limits;
      if (body.egress) home.egress = egressDays(body.egress);
      if (body.reset) for (const map of [accounts, sessions, invitations, spaces]) map.clear();
      if (body.reset) Object.assign(options, { sign_up: "closed", local: null, code: null, servers: [] });
      if (body.reset) Object.assign(home, { failing: 0, upload: 0, held_import: false, level: "own_user", walls: {}, egress: [], limits: { items: [] } });
      if (body.servers) options.servers = body.servers;
      if (body.code) options.code = body.code;
      return { status: 204 };
    }],
  ].map(([method, pattern, needs, act]) => ({ method, needs, act, match: new RegExp(`^${pattern.replace(/:id/, "([^/]+)").replace("*", "(.+)")}$`) }));

  /** A chat from before, with so many messages in it. */
  function remember(my, { title, messages, summarised = 0, updated = now() }) {
    const chat = { id: id("chat"), title, effort: "normal", created: updated, updated };
    my.chats.set(chat.id, chat);
    const said = [];
    for (let at = 0; at < messages; at++) {
      const isQuestion = at % 2 === 0;
      const text = isQuestion ? `Question ${at / 2 + 1}: what about the venues?` : scripted(`venues ${at}`, { connected: true }, files(my)).steps.map((step) => step.text ?? "").join("").replace("Three", `Answer ${(at + 1) / 2}: three`);
      said.push({ id: id("msg"), chat: chat.id, role: isQuestion ? "user" : "assistant", status: "complete", text, parts: [{ type: "text", text }], author: isQuestion ? { kind: "person" } : { kind: "model", provider: "anthropic", model: "claude-sonnet-4-5" }, needs_model: false, created: new Date(Date.now() - (messages - at) * 60_000).toISOString(), parent: said.at(-1)?.id });
    }
    countVersions(said);
    my.messages.set(chat.id, said);
    const before = said.slice(0, summarised).map((message) => message.id);
    if (summarised) chat.summarised = { id: id("sum"), last: before.at(-1), messages: before, text: "She looks for a venue for forty people [1]. Three fit; none is booked [2].", created: now() };
  }

  function events(request, response, my, chat) {
    chatOf(my, chat);
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    const set = my.streams.get(chat) ?? new Set();
    my.streams.set(chat, set.add(response));
    response.on("close", () => set.delete(response));
    const log = my.log.get(chat) ?? [];
    const at = log.findIndex((entry) => entry.id === request.headers["last-event-id"]);
    response.write(": hello\n\n");
    if (at >= 0) for (const entry of log.slice(at + 1)) write(response, entry);
    else for (const message of my.messages.get(chat)) if (message.status === "streaming" || message.status === "queued") write(response, { id: `${message.run}.${my.epoch}.${log.length}`, event: { type: "message.snapshot", message, attempt: 1 } });
  }

  return async function handle(request, response) {
    const url = new URL(request.url, "http://fake");
    if (!url.pathname.startsWith("/api/v1/")) return page(url.pathname, response);
    const path = url.pathname.slice("/api/v1/".length).split("/").map(decodeURIComponent).join("/");
    const sid = /ally_session=([^;]+)/.exec(request.headers.cookie ?? "")?.[1];
    const session = sid && sessions.get(sid);
    const send = (status, body, type = "application/json", headers = {}) => response.writeHead(status, { "content-type": type, ...headers }).end(body === undefined || status === 204 ? "" : JSON.stringify(body));
    try {
      const signedOut = new Refusal(401, "signed_out", "You are not signed in.", "Sign in and try again.");
      const stream = /^chats\/([^/]+)\/events$/.exec(path);
      if (stream) return session ? events(request, response, space(session.account), stream[1]) : fail(signedOut);
      if (request.method === "POST" && path === "space/walls/test") return session ? await tryWalls(response, home, fail, Refusal) : fail(signedOut);
      const file = /^attachments\/([^/]+)$/.exec(path);
      if (file && request.method === "GET") return session ? fileBytes(response, space(session.account), file[1], { fail, missing }) : fail(signedOut);
      if (request.method === "POST" && path === "attachments") return session ? send(201, await takeIn(request, space(session.account), { home, id, fail, Refusal })) : fail(signedOut);
      const route = routes.find((one) => one.method === request.method && one.match.test(path)) ?? fail(missing("page"));
      if (route.needs && !session) fail(signedOut);
      let text = "";
      for await (const chunk of request) text += chunk;
      if (session) session.last_used = now();
      const given = route.act({ raw: text, body: text && !/octet-stream/.test(request.headers["content-type"]) ? JSON.parse(text) : {}, at: route.match.exec(path)[1], query: url.searchParams, key: request.headers["idempotency-key"], agent: request.headers["user-agent"], session, account: session?.account, my: session && space(session.account) });
      const isWrapped = given && ("status" in given && typeof given.status === "number" || "cookie" in given);
      const headers = isWrapped && "cookie" in given ? { "set-cookie": `ally_session=${given.cookie}; Path=/; HttpOnly; SameSite=Lax` } : {};
      send(isWrapped ? (given.status ?? 200) : 200, isWrapped ? given.body : given, undefined, headers);
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(error);
      const refusal = error instanceof Refusal ? error : new Refusal(500, "internal", "Something went wrong on our side. Nothing you sent before was lost.", "Try again.");
      send(refusal.status, refusal.body, "application/problem+json");
    }
  };
}

function page(path, response) {
  if (path === "/") return response.writeHead(200, { "content-type": TYPES[".html"] }).end('<!doctype html><html lang="en"><title>Ally</title><h1>Ally</h1><a href="/app/sign-up">Make an account</a>');
  const isApp = path === "/app" || path.startsWith("/app/");
  const file = join(DIST, isApp ? "index.html" : normalize(path));
  if (!FILES.has(file) || (!isApp && !path.startsWith("/assets/"))) return response.writeHead(404, { "content-type": "text/plain" }).end("404");
  const headers = { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "x-content-type-options": "nosniff", "cache-control": isApp ? "no-cache" : "public, max-age=31536000, immutable" };
  response.writeHead(200, isApp ? { ...headers, "content-security-policy": CSP } : headers).end(FILES.get(file));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.argv[process.argv.indexOf("--port") + 1]) || 8791;
  const handle = newInstallation();
  createServer((request, response) => void handle(request, response)).listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/app`));
}
