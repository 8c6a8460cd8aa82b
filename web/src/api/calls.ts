// One function per thing that the server can do. Only this folder knows addresses.
import { body, client } from "./client";
import type { Installation, SignUp } from "./types";

const idempotent = (key: string) => ({ header: { "Idempotency-Key": key } });

export const auth = {
  options: () => body(client.GET("/auth/options")),
  signUp: (form: SignUp) => body(client.POST("/auth/sign-up", { body: form })),
  signIn: (form: { email: string; password: string }) => body(client.POST("/auth/sign-in", { body: form })),
  signOut: () => body(client.POST("/auth/sign-out")),
  invitation: (token: string) => body(client.GET("/auth/invitations/{token}", { params: { path: { token } } })),
};

export const account = {
  get: () => body(client.GET("/account")),
  change: (fields: { name?: string | null; timezone?: string | null }) => body(client.PATCH("/account", { body: fields })),
  changePassword: (fields: { current: string; new: string }) => body(client.POST("/account/password", { body: fields })),
  sessions: () => body(client.GET("/account/sessions")),
  endSession: (id: string) => body(client.DELETE("/account/sessions/{id}", { params: { path: { id } } })),
  endOtherSessions: () => body(client.POST("/account/sessions/revoke-others")),
};

export const people = {
  installation: () => body(client.GET("/installation")),
  changeInstallation: (fields: Installation) => body(client.PATCH("/installation", { body: fields })),
  invitations: () => body(client.GET("/invitations")),
  invite: () => body(client.POST("/invitations")),
  withdraw: (id: string) => body(client.DELETE("/invitations/{id}", { params: { path: { id } } })),
};

export const chats = {
  list: (cursor?: string) => body(client.GET("/chats", { params: { query: { cursor, limit: 100 } } })),
  get: (id: string) => body(client.GET("/chats/{id}", { params: { path: { id } } })),
  create: () => body(client.POST("/chats", { body: {} })),
  rename: (id: string, title: string) => body(client.PATCH("/chats/{id}", { params: { path: { id } }, body: { title } })),
  delete: (id: string) => body(client.DELETE("/chats/{id}", { params: { path: { id } } })),
  restore: (id: string) => body(client.POST("/chats/{id}/restore", { params: { path: { id } } })),
  messages: (id: string, before?: string) =>
    body(client.GET("/chats/{id}/messages", { params: { path: { id }, query: { before, limit: 60 } } })),
  send: (id: string, text: string, key: string) =>
    body(client.POST("/chats/{id}/messages", { params: { path: { id }, ...idempotent(key) }, body: { text, timezone: Intl.DateTimeFormat().resolvedOptions().timeZone } })),
  answerNow: (message: string) => body(client.POST("/messages/{id}/answer", { params: { path: { id: message } } })),
  stop: (run: string) => body(client.POST("/runs/{id}/cancel", { params: { path: { id: run } } })),
  eventsUrl: (id: string) => `/api/v1/chats/${encodeURIComponent(id)}/events`,
};

export const memory = {
  list: () => body(client.GET("/memory/files")),
  read: (path: string) => body(client.GET("/memory/files/{path}", { params: { path: { path } } })),
  versions: (path: string) => body(client.GET("/memory/files/{path}/versions", { params: { path: { path } } })),
  restore: (path: string, version: string | null) =>
    body(client.POST("/memory/files/{path}/restore", { params: { path: { path } }, body: { version } })),
};

export const provider = {
  get: () => body(client.GET("/provider")),
  connect: (key: string) => body(client.PUT("/provider", { body: { key } })),
  remove: () => body(client.DELETE("/provider")),
  chooseLocal: (url: string, model: string) => body(client.PUT("/provider/local", { body: { url, model } })),
  forgetLocal: () => body(client.DELETE("/provider/local")),
};

export const space = {
  get: () => body(client.GET("/space")),
  stop: () => body(client.POST("/assistant/stop")),
};
