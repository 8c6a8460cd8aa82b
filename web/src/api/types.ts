// The shapes that the server speaks. The only file to change when `schema.d.ts` is generated from `api/*.json`:
// then every type here becomes an alias of the generated one.

export interface Page<T> {
  items: T[];
  next?: string | null;
}

export interface Account {
  id: string;
  email: string;
  name?: string | null;
  timezone?: string | null;
  administrator: boolean;
  server: string;
  created: string;
}

export interface AuthOptions {
  sign_up: "first" | "closed" | "invite" | "open";
  needs_code: boolean;
  asks_acceptance: boolean;
  asks_adult: boolean;
}

export interface SignUp {
  email: string;
  password: string;
  adult: boolean;
  accepts?: string[];
  name?: string;
  timezone?: string;
  code?: string;
  invitation?: string;
}

export interface Session {
  id: string;
  created: string;
  last_used: string;
  agent?: string | null;
  current: boolean;
}

export interface Invitation {
  id: string;
  url?: string | null;
  created?: string;
  expires: string;
  /** When somebody made an account with it. */
  used?: string | null;
}

export interface Chat {
  id: string;
  title: string | null;
  created: string;
  updated: string;
  deleted?: string | null;
}

export type MessageStatus = "queued" | "streaming" | "complete" | "stopped" | "interrupted" | "failed";

export type Author =
  | { kind: "person" }
  | { kind: "model"; provider: string; model: string }
  | { kind: "builtin" }
  | { kind: "ally" };

export interface FileVersion {
  path: string;
  version: string;
}

export type ToolStatus = "running" | "ok" | "failed" | "unknown";

export interface ToolPart {
  type: "tool";
  call: string;
  tool: string;
  input: unknown;
  status: ToolStatus;
  summary?: string | null;
  file?: FileVersion | null;
}

export type Part = { type: "text"; text: string } | { type: "thinking"; text: string } | ToolPart;

export interface Usage {
  input: number;
  output: number;
  cache_read: number;
  cache_write: number;
}

export interface Problem {
  type: string;
  status: number;
  title: string;
  next_step?: string | null;
  field?: string | null;
  retry_after?: number | null;
  request?: string | null;
}

export interface Message {
  id: string;
  chat: string;
  run?: string | null;
  role: "user" | "assistant";
  status: MessageStatus;
  text: string;
  parts: Part[];
  author: Author;
  created: string;
  usage?: Usage | null;
  problem?: Problem | null;
  needs_model?: boolean;
}

export interface Sent {
  message: Message;
  answer: Message;
  run: string;
}

export interface MemoryFile {
  path: string;
  size: number;
  updated: string;
}

export interface MemoryText {
  path: string;
  text: string;
  version: string;
  updated: string;
}

export interface MemoryVersion {
  id: string;
  at: string;
  author: string;
  reason?: string | null;
  run?: string | null;
  /** The file was deleted by it. */
  is_deleted?: boolean;
}

export interface LocalServer {
  url: string;
  name: string;
  models: string[];
}

export interface Provider {
  connected: boolean;
  source: "own_key" | "installation" | "environment" | "local" | null;
  provider: "anthropic" | "openai_compatible" | null;
  model: string | null;
  local: LocalServer[];
}

export interface Space {
  server: string;
  walls: string[];
  version: string;
  started: string;
}

export interface Installation {
  sign_up: "closed" | "invite" | "open";
}

/** What arrives on the stream of a chat. Everything the thread shows is a fold over these. */
export type ChatEvent =
  /** A question was accepted and its answer exists, still empty. */
  | { type: "run.started"; run: string; question: Message; answer: Message }
  /** The whole message as it is now: replaces what we had. Sent on attach and at each new attempt. */
  | { type: "message.snapshot"; message: Message; attempt: number }
  /** More text at the end of a message. */
  | { type: "text.delta"; message: string; text: string }
  /** More of the model's visible thinking. */
  | { type: "thinking.delta"; message: string; text: string }
  /** The assistant has begun to use a tool. */
  | { type: "tool.called"; message: string; call: string; tool: string; input: unknown }
  /** The tool is done, well or not. */
  | { type: "tool.finished"; message: string; call: string; ok: boolean; summary?: string; file?: FileVersion }
  /** A file of the memory has a new version. */
  | { type: "memory.changed"; path: string; version: string; change: "created" | "changed" | "deleted" }
  /** Tokens of the answer so far. */
  | { type: "usage"; message: string; usage: Usage }
  /** The message is final. */
  | { type: "message.completed"; message: Message }
  /** The run has ended, one way or another. */
  | { type: "run.finished"; run: string; status: string }
  /** The chat itself has changed: its title, mostly. */
  | { type: "chat.changed"; chat: Chat }
  /** Something went wrong that belongs to no message. */
  | { type: "error"; problem: Problem };

type Get<Answer, Query = never> = {
  parameters: { query?: Query };
  responses: { 200: { content: { "application/json": Answer } }; default: { content: { "application/problem+json": Problem } } };
};
type GetAt<Answer, Path, Query = never> = {
  parameters: { path: Path; query?: Query };
  responses: { 200: { content: { "application/json": Answer } }; default: { content: { "application/problem+json": Problem } } };
};
type Do<Answer, Body = undefined> = {
  parameters: { header?: { "Idempotency-Key"?: string } };
  requestBody?: { content: { "application/json": Body } };
  responses: { 200: { content: { "application/json": Answer } }; default: { content: { "application/problem+json": Problem } } };
};
type DoAt<Answer, Path, Body = undefined> = {
  parameters: { path: Path; header?: { "Idempotency-Key"?: string } };
  requestBody?: { content: { "application/json": Body } };
  responses: { 200: { content: { "application/json": Answer } }; default: { content: { "application/problem+json": Problem } } };
};
type Id = { id: string };
type File = { path: string };

/** The routes, in the form that openapi-fetch reads. */
export interface paths {
  "/auth/options": { get: Get<AuthOptions> };
  "/auth/sign-up": { post: Do<Account, SignUp> };
  "/auth/sign-in": { post: Do<Account, { email: string; password: string }> };
  "/auth/sign-out": { post: Do<undefined> };
  "/auth/invitations/{token}": { get: GetAt<{ valid: boolean }, { token: string }> };
  "/account": { get: Get<Account>; patch: Do<Account, { name?: string | null; timezone?: string | null }> };
  "/account/password": { post: Do<undefined, { current: string; new: string }> };
  "/account/sessions": { get: Get<Page<Session>> };
  "/account/sessions/{id}": { delete: DoAt<undefined, Id> };
  "/account/sessions/revoke-others": { post: Do<undefined> };
  "/installation": { get: Get<Installation>; patch: Do<Installation, Installation> };
  "/invitations": { get: Get<Page<Invitation>>; post: Do<Invitation> };
  "/invitations/{id}": { delete: DoAt<undefined, Id> };
  "/chats": { get: Get<Page<Chat>, { cursor?: string; limit?: number }>; post: Do<Chat, { title?: string }> };
  "/chats/{id}": { get: GetAt<Chat, Id>; patch: DoAt<Chat, Id, { title: string }>; delete: DoAt<Chat, Id> };
  "/chats/{id}/restore": { post: DoAt<Chat, Id> };
  "/chats/{id}/messages": {
    get: GetAt<Page<Message>, Id, { before?: string; limit?: number }>;
    post: DoAt<Sent, Id, { text: string; timezone?: string }>;
  };
  "/messages/{id}/answer": { post: DoAt<Sent, Id> };
  "/runs/{id}/cancel": { post: DoAt<undefined, Id> };
  "/memory/files": { get: Get<Page<MemoryFile>> };
  "/memory/files/{path}": { get: GetAt<MemoryText, File> };
  "/memory/files/{path}/versions": { get: GetAt<Page<MemoryVersion>, File> };
  "/memory/files/{path}/restore": { post: DoAt<MemoryText | undefined, File, { version: string | null }> };
  "/provider": { get: Get<Provider>; put: Do<Provider, { key: string }>; delete: Do<Provider> };
  "/provider/local": { put: Do<Provider, { url: string; model: string }>; delete: Do<Provider> };
  "/assistant/stop": { post: Do<undefined> };
  "/space": { get: Get<Space> };
}
