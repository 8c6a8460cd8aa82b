// One function per thing that the server can do. Only this folder knows addresses.
import { body, client } from "./client";
import { postStream } from "./sse";
import type { ChatChange, ChatFilter, Effort, Installation, LimitNotice, NewInstructions, SearchFilter, SignUp, UsageBy, WallsEvent } from "./types";

export const auth = {
  options: () => body(client.GET("/api/v1/auth/options")),
  signUp: (form: SignUp) => body(client.POST("/api/v1/auth/sign-up", { body: form })),
  signIn: (form: { email: string; password: string }) => body(client.POST("/api/v1/auth/sign-in", { body: form })),
  signOut: () => body(client.POST("/api/v1/auth/sign-out")),
  invitation: (token: string) => body(client.POST("/api/v1/auth/invitations/check", { body: { invitation: token } })),
};

export const account = {
  get: () => body(client.GET("/api/v1/account")),
  change: (fields: { name?: string | null; timezone?: string | null }) => body(client.PATCH("/api/v1/account", { body: fields })),
  changePassword: (fields: { current: string; new: string }) => body(client.POST("/api/v1/account/password", { body: fields })),
  sessions: () => body(client.GET("/api/v1/account/sessions")),
  endSession: (id: string) => body(client.DELETE("/api/v1/account/sessions/{id}", { params: { path: { id } } })),
  endOtherSessions: () => body(client.POST("/api/v1/account/sessions/revoke-others")),
};

export const people = {
  list: (cursor?: string) => body(client.GET("/api/v1/installation/people", { params: { query: { cursor } } })),
  givePlan: (id: string, plan: string | null) => body(client.PATCH("/api/v1/installation/people/{id}", { params: { path: { id } }, body: { plan } })),
  installation: () => body(client.GET("/api/v1/installation")),
  changeInstallation: (fields: Installation) => body(client.PATCH("/api/v1/installation", { body: fields })),
  invitations: () => body(client.GET("/api/v1/invitations")),
  invite: () => body(client.POST("/api/v1/invitations")),
  withdraw: (id: string) => body(client.DELETE("/api/v1/invitations/{id}", { params: { path: { id } } })),
};

export const chats = {
  list: (wanted: ChatFilter, cursor?: string) => body(client.GET("/api/v1/chats", { params: { query: { ...wanted, cursor, limit: 100 } } })),
  get: (chat: string) => body(client.GET("/api/v1/chats/{chat}", { params: { path: { chat } } })),
  create: (effort?: Effort) => body(client.POST("/api/v1/chats", { body: { effort } })),
  createTemporary: () => body(client.POST("/api/v1/chats", { body: { temporary: true } })),
  change: (chat: string, change: ChatChange) => body(client.PATCH("/api/v1/chats/{chat}", { params: { path: { chat } }, body: change })),
  think: (chat: string, effort: Effort) => body(client.PATCH("/api/v1/chats/{chat}", { params: { path: { chat } }, body: { effort } })),
  delete: (chat: string) => body(client.DELETE("/api/v1/chats/{chat}", { params: { path: { chat } } })),
  restore: (chat: string) => body(client.POST("/api/v1/chats/{chat}/restore", { params: { path: { chat } } })),
  context: (chat: string) => body(client.GET("/api/v1/chats/{chat}/context", { params: { path: { chat } } })),
  messages: (chat: string, before?: string) =>
    body(client.GET("/api/v1/chats/{chat}/messages", { params: { path: { chat }, query: { before, limit: 60 } } })),
  /** The same text under the same key is sent once, however often it is tried. */
  send: (chat: string, text: string, key: string, attachments?: string[]) =>
    body(
      client.POST("/api/v1/chats/{chat}/messages", {
        params: { path: { chat }, header: { "idempotency-key": key } },
        body: { text, attachments, timezone: Intl.DateTimeFormat().resolvedOptions().timeZone },
      }),
    ),
  /** Files that are not named stay with the message. */
  edit: (message: string, text: string, key: string, attachments?: string[]) =>
    body(
      client.POST("/api/v1/messages/{message}/edit", {
        params: { path: { message }, header: { "idempotency-key": key } },
        body: { text, attachments, timezone: Intl.DateTimeFormat().resolvedOptions().timeZone },
      }),
    ),
  regenerate: (message: string) => body(client.POST("/api/v1/messages/{message}/regenerate", { params: { path: { message } } })),
  /** Shows another version of a message; everybody who watches the chat hears of it. */
  showVersion: (chat: string, message: string) => body(client.PUT("/api/v1/chats/{chat}/path", { params: { path: { chat } }, body: { message } })),
  rate: (message: string, rating: "up" | "down", note?: string) => body(client.PUT("/api/v1/messages/{message}/feedback", { params: { path: { message } }, body: { rating, note } })),
  unrate: (message: string) => body(client.DELETE("/api/v1/messages/{message}/feedback", { params: { path: { message } } })),
  answerNow: (message: string) => body(client.POST("/api/v1/messages/{message}/answer", { params: { path: { message } } })),
  stop: (run: string) => body(client.POST("/api/v1/runs/{run}/cancel", { params: { path: { run } } })),
  eventsUrl: (chat: string) => `/api/v1/chats/${encodeURIComponent(chat)}/events`,
};

export const folders = {
  list: () => body(client.GET("/api/v1/folders")),
  create: (name: string) => body(client.POST("/api/v1/folders", { body: { name } })),
  change: (folder: string, change: { name?: string; position?: number }) => body(client.PATCH("/api/v1/folders/{folder}", { params: { path: { folder } }, body: change })),
  delete: (folder: string) => body(client.DELETE("/api/v1/folders/{folder}", { params: { path: { folder } } })),
  restore: (folder: string) => body(client.POST("/api/v1/folders/{folder}/restore", { params: { path: { folder } } })),
};

/** The words travel in the body: an address is kept in too many places. */
export const search = (words: string, filter: SearchFilter, cursor?: string) => {
  const { from, to, ...rest } = filter;
  return body(client.POST("/api/v1/search", { body: { q: words, ...rest, from: from && moment(from, 0), to: to && moment(to, 1), cursor } }));
};

/** The beginning of a day of this browser's calendar, or of one after it. */
function moment(day: string, later: number): string {
  const date = new Date(`${day}T00:00`);
  date.setDate(date.getDate() + later);
  return date.toISOString();
}

export const instructions = {
  get: (folder?: string) => body(client.GET("/api/v1/instructions", { params: { query: { folder } } })),
  give: (folder: string | undefined, given: NewInstructions) =>
    body(folder ? client.PUT("/api/v1/folders/{folder}/instructions", { params: { path: { folder } }, body: given }) : client.PUT("/api/v1/instructions", { body: given })),
  versions: (folder?: string) => body(client.GET("/api/v1/instructions/versions", { params: { query: { folder } } })),
  forgetVersions: (folder?: string) => body(client.DELETE("/api/v1/instructions/versions", { params: { query: { folder } } })),
  /** What a model would be told now, byte for byte. */
  preview: (folder: string | undefined, timezone: string) => body(client.GET("/api/v1/instructions/preview", { params: { query: { folder, timezone } } })),
};

export const memory = {
  list: () => body(client.GET("/api/v1/memory/files")),
  read: (path: string) => body(client.GET("/api/v1/memory/files/{path}", { params: { path: { path } } })),
  versions: (path: string) => body(client.GET("/api/v1/memory/files/{path}/versions", { params: { path: { path } } })),
  restore: (path: string, version: string | null) =>
    body(client.POST("/api/v1/memory/files/{path}/restore", { params: { path: { path } }, body: { version } })),
};

export const provider = {
  get: () => body(client.GET("/api/v1/provider")),
  connect: (key: string) => body(client.PUT("/api/v1/provider", { body: { key } })),
  remove: () => body(client.DELETE("/api/v1/provider")),
  chooseLocal: (url: string, model: string) => body(client.PUT("/api/v1/provider/local", { body: { url, model } })),
  forgetLocal: () => body(client.DELETE("/api/v1/provider/local")),
};

export const space = {
  get: () => body(client.GET("/api/v1/space")),
  stop: () => body(client.POST("/api/v1/assistant/stop")),
  /** The assistant tries to break out of its own space; each attempt is told as it ends. */
  testWalls: (onEvent: (event: WallsEvent) => void, signal: AbortSignal) =>
    postStream({ url: "/api/v1/space/walls/test", signal, onEvent: ({ data }) => onEvent(JSON.parse(data) as WallsEvent) }),
};

export const egress = {
  /** The days from `from` to `to` (UTC, both included), newest first. */
  days: (from: string, to: string, cursor?: string) => body(client.GET("/api/v1/egress", { params: { query: { from, to, cursor } } })),
  hosts: () => body(client.GET("/api/v1/egress/hosts")),
  allow: (host: string, port?: number) => body(client.POST("/api/v1/egress/hosts", { body: { host, port } })),
  disallow: (host: string, port: number) => body(client.DELETE("/api/v1/egress/hosts/{host}", { params: { path: { host }, query: { port } } })),
};

export const usage = {
  list: (by: UsageBy, from: string) => body(client.GET("/api/v1/usage", { params: { query: { by, from } } })),
  csvUrl: (by: UsageBy, from: string) => `/api/v1/usage/csv?by=${by}&from=${from}`,
  limits: () => body(client.GET("/api/v1/limits")),
  dismiss: (span: LimitNotice["span"], percent: number) => body(client.POST("/api/v1/limits/dismiss", { body: { span, percent } })),
};
