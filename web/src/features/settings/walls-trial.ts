// One trial of the walls: what came so far, and how it ended. It belongs to the page and ends with it.
import { useEffect, useReducer, useRef } from "react";
import { space } from "../../api/calls";
import { signedOut } from "../../api/client";
import { type Problem, ProblemError, problemOf } from "../../api/problem";
import type { WallsAttempt, WallsEvent } from "../../api/types";

export type Trial =
  | { state: "never" }
  | { state: "running" | "stopped" | "finished"; attempts: WallsAttempt[] }
  /** The connection ended before the closing line. */
  | { state: "broken"; attempts: WallsAttempt[]; problem: Problem }
  /** It could not begin. */
  | { state: "refused"; problem: Problem };

type Change = { type: "begin" } | { type: "event"; event: WallsEvent } | { type: "stop" } | { type: "ended"; error?: unknown };

/** Where a trial is after a change. What comes after its end changes nothing. */
export function next(trial: Trial, change: Change): Trial {
  if (change.type === "begin") return { state: "running", attempts: [] };
  if (trial.state !== "running") return trial;
  const { attempts } = trial;
  if (change.type === "stop") return { state: "stopped", attempts };
  if (change.type === "ended") {
    const problem = problemOf(change.error);
    return attempts.length === 0 && change.error instanceof ProblemError ? { state: "refused", problem } : { state: "broken", attempts, problem };
  }
  const { event } = change;
  if (event.type === "finished") return { state: "finished", attempts };
  return event.type === "attempt" ? { state: "running", attempts: [...attempts, event] } : trial;
}

export function useTrial(): { trial: Trial; begin: () => void; stop: () => void } {
  const [trial, change] = useReducer(next, { state: "never" });
  const running = useRef<AbortController>(null);
  useEffect(() => () => running.current?.abort(), []);

  async function begin() {
    running.current?.abort();
    const mine = new AbortController();
    running.current = mine;
    const tell = (one: Change) => running.current === mine && change(one);
    tell({ type: "begin" });
    try {
      await space.testWalls((event) => tell({ type: "event", event }), mine.signal);
      tell({ type: "ended" });
    } catch (error) {
      if (mine.signal.aborted) return;
      if (error instanceof ProblemError && error.problem.status === 401) signedOut();
      tell({ type: "ended", error });
    }
  }

  function stop() {
    change({ type: "stop" });
    running.current?.abort();
  }

  return { trial, begin: () => void begin(), stop };
}
