// The files that go along with the next message: each is uploaded as soon as it is chosen, two at a time. It lives
// outside React, like the thread, and comes behind the composer.
import { removeAttachment, upload } from "../../api/attachments";
import { type Problem, problemOf } from "../../api/problem";
import type { Attachment } from "../../api/types";
import { fitting } from "./fitting";

export interface Item {
  key: string;
  name: string;
  size: number;
  state: "waiting" | "sending" | "done" | "failed";
  /** How much of it has arrived, 0 to 1. */
  share: number;
  problem?: Problem;
  /** What the server says of it, once it is there. */
  file?: Attachment;
}

const AT_ONCE = 2;

/** With these it may be another story in a moment; everything else is about the file. */
const MAY_PASS = new Set(["unreachable", "offline", "upload_broken", "assistant_restarted", "assistant_slow", "space_unreachable", "space_not_ready", "unknown"]);

export const mayPass = (problem: Problem): boolean => MAY_PASS.has(problem.kind) || problem.status >= 500;

export class Uploads {
  #items: readonly Item[] = [];
  #files = new Map<string, File>();
  #running = new Map<string, AbortController>();
  #listeners = new Set<() => void>();

  items = (): readonly Item[] => this.#items;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  add(files: readonly File[]): void {
    const added = files.map((file): Item => {
      const key = crypto.randomUUID();
      this.#files.set(key, file);
      return { key, name: file.name, size: file.size, state: "waiting", share: 0 };
    });
    this.#set([...this.#items, ...added]);
    this.#work();
  }

  /** Files of a draft: they are there already. */
  restore(files: readonly Attachment[]): void {
    const known = new Set(this.#items.map((item) => item.file?.id));
    const kept = files.filter((file) => !known.has(file.id)).map((file): Item => ({ key: file.id, name: file.name, size: file.size, state: "done", share: 1, file }));
    this.#set([...kept, ...this.#items]);
  }

  remove(key: string): void {
    const item = this.#items.find((one) => one.key === key);
    this.#running.get(key)?.abort();
    this.#forget(key);
    this.#set(this.#items.filter((one) => one.key !== key));
    // If it does not go now, it goes within a day.
    if (item?.file) removeAttachment(item.file.id).catch(() => {});
    this.#work();
  }

  again(key: string): void {
    this.#change(key, { state: "waiting", share: 0, problem: undefined });
    this.#work();
  }

  /** They were sent with a message; what has come since stays. */
  sent(files: readonly Attachment[]): void {
    const ids = new Set(files.map((file) => file.id));
    this.#set(this.#items.filter((item) => !item.file || !ids.has(item.file.id)));
  }

  /** All files when all of them are there; null when one of them is not to be had. */
  async ready(): Promise<Attachment[] | null> {
    while (this.#items.some((item) => item.state === "waiting" || item.state === "sending")) {
      await new Promise<void>((change) => {
        const stop = this.subscribe(() => {
          stop();
          change();
        });
      });
    }
    const files = this.#items.flatMap((item) => item.file ?? []);
    return files.length === this.#items.length ? files : null;
  }

  #work(): void {
    for (const item of this.#items) {
      if (this.#running.size >= AT_ONCE) return;
      if (item.state === "waiting" && !this.#running.has(item.key)) void this.#send(item.key);
    }
  }

  async #send(key: string): Promise<void> {
    const file = this.#files.get(key);
    if (!file) return;
    const control = new AbortController();
    this.#running.set(key, control);
    this.#change(key, { state: "sending" });
    try {
      const small = await fitting(file);
      if (control.signal.aborted) return;
      const taken = await upload({ ...small, key, onShare: (share) => this.#change(key, { share }), signal: control.signal });
      this.#change(key, { state: "done", share: 1, file: taken, name: taken.name, size: taken.size });
      this.#files.delete(key);
    } catch (error) {
      this.#change(key, { state: "failed", problem: problemOf(error) });
    } finally {
      if (this.#running.get(key) === control) this.#running.delete(key);
      this.#work();
    }
  }

  #forget(key: string): void {
    this.#running.delete(key);
    this.#files.delete(key);
  }

  #change(key: string, change: Partial<Item>): void {
    if (this.#items.some((item) => item.key === key)) this.#set(this.#items.map((item) => (item.key === key ? { ...item, ...change } : item)));
  }

  #set(items: readonly Item[]): void {
    this.#items = items;
    for (const listener of this.#listeners) listener();
  }
}
