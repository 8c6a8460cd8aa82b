// Approval requests: what waits for the person, and how they answer. Apart from the other calls, because only parts that
// come later need them.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { body, client } from "./client";
import type { Approval, ApprovalAnswer } from "./types";

/** More than anybody answers at once. */
const MOST_WAITING = 100;

export const approvals = {
  waiting: () => body(client.GET("/api/v1/approvals", { params: { query: { status: "waiting", limit: MOST_WAITING } } })),
  decided: (cursor?: string) => body(client.GET("/api/v1/approvals", { params: { query: { status: "decided", limit: 20, cursor } } })),
  get: (approval: string) => body(client.GET("/api/v1/approvals/{approval}", { params: { path: { approval } } })),
  /** The same answer under the same key counts once, however often it is sent. */
  decide: (approval: string, answer: ApprovalAnswer, key: string): Promise<Approval> =>
    body(client.POST("/api/v1/approvals/{approval}", { params: { path: { approval }, header: { "idempotency-key": key } }, body: answer })),
};

export const waitingQuery = queryOptions({ queryKey: ["approvals", "waiting"], queryFn: approvals.waiting, retry: false });
export const decidedQuery = infiniteQueryOptions({
  queryKey: ["approvals", "decided"],
  queryFn: ({ pageParam }) => approvals.decided(pageParam),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => page.next ?? undefined,
  staleTime: 0,
});
