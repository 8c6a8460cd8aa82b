// Sends a file in pieces. What breaks off goes on where it was, a few times by itself and then when the person says so.
import { type Import, imports } from "../../api/imports";
import { problemOf } from "../../api/problem";

/** The server takes a little more at once. */
const PIECE = 1_000_000;
const PAUSES = [1000, 2000, 4000];

export interface Upload {
  file: File;
  /** The import that it belongs to, once there is one. */
  id?: string;
}

/** Sends all that is missing; tells how far it is. */
export async function send(upload: Upload, onSent: (bytes: number) => void, signal: AbortSignal, pause = wait): Promise<Import> {
  let failures = 0;
  for (;;) {
    try {
      let one = upload.id ? await imports.get(upload.id) : await imports.begin(upload.file.size);
      upload.id = one.id;
      while (one.state === "receiving") {
        onSent(one.received);
        signal.throwIfAborted();
        one = await imports.send(one.id, one.received, upload.file.slice(one.received, one.received + PIECE), signal);
        failures = 0;
      }
      return one;
    } catch (error) {
      const { status } = problemOf(error);
      const mayPass = status === 0 || status >= 502;
      const next = PAUSES[failures];
      if (signal.aborted || !mayPass || status === 507 || next === undefined) throw error;
      failures += 1;
      await pause(next);
    }
  }
}

const wait = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
