// What the server can do about imports. Only their page loads this file.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { body, client } from "./client";
import type { components } from "./schema";

export type Import = components["schemas"]["Import"];
export type ImportChat = components["schemas"]["ImportChat"];

const RAW = { headers: { "content-type": "application/octet-stream" }, bodySerializer: (piece: unknown) => piece as Blob };
const at = (id: string) => ({ path: { import: id } });

export const imports = {
  list: () => body(client.GET("/api/v1/imports")),
  get: (id: string) => body(client.GET("/api/v1/imports/{import}", { params: at(id) })),
  begin: (size: number) => body(client.POST("/api/v1/imports", { body: { size } })),
  /** A piece of the file, behind so many bytes. */
  send: (id: string, offset: number, piece: Blob, signal: AbortSignal) =>
    body(client.PUT("/api/v1/imports/{import}/parts", { params: { ...at(id), query: { offset } }, body: piece as unknown as string, signal, ...RAW })),
  chats: (id: string, cursor?: number) => body(client.GET("/api/v1/imports/{import}/chats", { params: { ...at(id), query: { cursor, limit: 500 } } })),
  start: (id: string, except: number[]) => body(client.POST("/api/v1/imports/{import}/start", { params: at(id), body: { except } })),
  stop: (run: string) => body(client.POST("/api/v1/runs/{run}/cancel", { params: { path: { run } } })),
  remove: (id: string) => body(client.DELETE("/api/v1/imports/{import}", { params: at(id) })),
};

const AT_WORK = ["checking", "running", "removing"];

/** While something is at work on one of them it is looked at again each second; otherwise nobody is woken for it. */
export const importsQuery = queryOptions({
  queryKey: ["imports", "list"],
  queryFn: imports.list,
  staleTime: 0,
  refetchInterval: (query) => (query.state.data?.items.some((one) => AT_WORK.includes(one.state)) ? 1000 : false),
});

/** The chats in a file, page by page. */
export const importChatsQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ["imports", id, "chats"],
    queryFn: ({ pageParam }) => imports.chats(id, pageParam),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => (page.next ? Number(page.next) : undefined),
    staleTime: 0,
    gcTime: 0,
  });
