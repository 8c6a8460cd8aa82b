// What went wrong, in the form in which every part of the app shows it.
import { t } from "../i18n/t";
import type { Problem as Wire } from "./types";

/** What happened, what to do, and how the server names it. */
export interface Problem {
  kind: string;
  status: number;
  title: string;
  next_step?: string;
  field?: string;
  retry_after?: number;
  request?: string;
}

/** A failed call. */
export class ProblemError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.title);
    this.problem = problem;
  }
}

export function fromWire(wire: Partial<Wire> | undefined, status: number, headers?: Headers): Problem {
  const retry = wire?.retry_after ?? Number(headers?.get("retry-after") ?? Number.NaN);
  const request = wire?.request ?? headers?.get("x-ally-request") ?? undefined;
  return {
    kind: wire?.type ?? "unknown",
    status,
    title: wire?.title ?? t("problem.unknown.title"),
    next_step: wire?.next_step ?? (wire?.title ? undefined : t("problem.unknown.next")),
    field: wire?.field ?? undefined,
    retry_after: Number.isFinite(retry) ? retry : undefined,
    request,
  };
}

/** Anything that was thrown, as a problem. A failed `fetch` means that the server was not reached. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  const offline = typeof navigator !== "undefined" && navigator.onLine === false;
  if (error instanceof TypeError || offline) {
    return {
      kind: offline ? "offline" : "unreachable",
      status: 0,
      title: offline ? t("problem.offline.title") : t("problem.unreachable.title"),
      next_step: offline ? t("problem.offline.next") : t("problem.unreachable.next"),
    };
  }
  return { kind: "unknown", status: 0, title: t("problem.unknown.title"), next_step: t("problem.unknown.next") };
}
