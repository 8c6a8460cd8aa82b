// Asks the worker for colours, and remembers what it said.
import type { Line } from "./colour";
import type { Wanted } from "./colour.worker";

type Lines = readonly Line[] | null;

/** So many texts are remembered: as many as a long chat shows near each other. */
const REMEMBERED = 150;

/** A text that takes longer was made to be slow, or the machine is: it stays plain. */
const LONGEST_MILLISECONDS = 20_000;

let worker: Worker | null = null;
let nextId = 1;
const waiting = new Map<number, (lines: Lines) => void>();
const known = new Map<string, Promise<Lines>>();

/** The coloured lines of a code, or nothing where it stays plain. Without workers everything stays plain. */
export function coloured(text: string, language: string): Promise<Lines> {
  const key = `${language}\n${text}`;
  const before = known.get(key);
  if (before) return before;
  const answer = ask({ id: nextId++, text, language });
  known.set(key, answer);
  if (known.size > REMEMBERED) known.delete(known.keys().next().value ?? "");
  return answer;
}

function ask(wanted: Wanted): Promise<Lines> {
  return new Promise((resolve) => {
    if (typeof Worker === "undefined") return resolve(null);
    worker ??= start();
    const used = worker;
    const limit = setTimeout(() => stop(used), LONGEST_MILLISECONDS);
    waiting.set(wanted.id, (lines) => {
      clearTimeout(limit);
      resolve(lines);
    });
    used.postMessage(wanted, []);
  });
}

function start(): Worker {
  const made = new Worker(new URL("./colour.worker.ts", import.meta.url), { type: "module" });
  made.addEventListener("message", ({ data }: MessageEvent<{ id: number; lines: Lines }>) => {
    waiting.get(data.id)?.(data.lines);
    waiting.delete(data.id);
  });
  made.addEventListener("error", () => stop(made));
  return made;
}

/** It could not be loaded, it broke, or it takes too long: what waits stays plain, and the next code tries again. */
function stop(broken: Worker): void {
  broken.terminate();
  if (worker !== broken) return;
  worker = null;
  for (const resolve of waiting.values()) resolve(null);
  waiting.clear();
}
