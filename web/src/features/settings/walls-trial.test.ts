import { describe, expect, it } from "vitest";
import { ProblemError } from "../../api/problem";
import type { WallsEvent } from "../../api/types";
import { next, type Trial } from "./walls-trial";

const attempt = (name: string): WallsEvent => ({ type: "attempt", name, words: name, outcome: "refused", by: "EPERM" });
const finished: WallsEvent = { type: "finished", tried: 2, refused: 2, succeeded: 0 };
const refusal = new ProblemError({ kind: "test_running", status: 429, title: "A test is running already." });

/** Begins, then takes events, errors ("ended") and the person's stop in order. */
function follow(...changes: Array<WallsEvent | "stop" | "ended" | Error>): Trial {
  return changes.reduce<Trial>(
    (trial, one) => next(trial, one === "stop" ? { type: "stop" } : one === "ended" ? { type: "ended" } : one instanceof Error ? { type: "ended", error: one } : { type: "event", event: one }),
    next({ state: "never" }, { type: "begin" }),
  );
}

describe("a trial of the walls", () => {
  it("is finished by the closing line, and the end of the connection adds nothing", () => {
    expect(follow(attempt("a"), attempt("b"), finished, "ended")).toMatchObject({ state: "finished", attempts: [{ name: "a" }, { name: "b" }] });
  });
  it("that ends without the closing line is broken off, and keeps what was tried", () => {
    expect(follow(attempt("a"), "ended")).toMatchObject({ state: "broken", attempts: [{ name: "a" }] });
    expect(follow(attempt("a"), new TypeError("network"))).toMatchObject({ state: "broken", attempts: [{ name: "a" }], problem: { kind: "unreachable" } });
    expect(follow(attempt("a"), refusal)).toMatchObject({ state: "broken", attempts: [{ name: "a" }] });
  });
  it("that the server refuses has not begun", () => {
    expect(follow(refusal)).toMatchObject({ state: "refused", problem: { kind: "test_running" } });
    expect(follow(new TypeError("network"))).toMatchObject({ state: "broken", attempts: [] });
  });
  it("that the person stopped stays stopped, whatever still comes", () => {
    expect(follow(attempt("a"), "stop", attempt("b"), finished, "ended")).toMatchObject({ state: "stopped", attempts: [{ name: "a" }] });
  });
  it("passes over an event that it does not know", () => {
    expect(follow({ type: "weather" } as unknown as WallsEvent, attempt("a"))).toMatchObject({ state: "running", attempts: [{ name: "a" }] });
  });
  it("begins anew without the old attempts", () => {
    expect(next(follow(attempt("a"), finished), { type: "begin" })).toEqual({ state: "running", attempts: [] });
  });
});
