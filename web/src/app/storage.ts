// The only door to what this browser keeps. A key that is not in the list does not compile, and the list is read by
// the test of the privacy register.

import type { Attachment } from "../api/types";

export const STORAGE_KEYS = ["theme", "sidebar", "folders", "drafts", "shortcuts"] as const;

export type StorageKey = (typeof STORAGE_KEYS)[number];

export function read(key: StorageKey): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // Storage may be switched off; the app works without it.
  }
}

export function write(key: StorageKey, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Full or switched off: nothing here is needed to work.
  }
}

/** What was typed but not sent. It belongs to one account: whoever signs in next in this browser does not see it. */
interface Drafts {
  account: string;
  chats: Record<string, { text: string; at: number; files?: Attachment[] }>;
}

const LONGEST_KEPT = 30 * 24 * 60 * 60 * 1000;

let account = "";

/** Says whose drafts are meant. Those of anybody else, and those that are a month old, are dropped. */
export function openDrafts(of: string): void {
  if (account === of) return;
  account = of;
  const kept = drafts();
  const fresh = Object.entries(kept.chats).filter(([, draft]) => Date.now() - draft.at < LONGEST_KEPT);
  keep({ ...kept, chats: Object.fromEntries(fresh) });
}

/** The draft of a chat (`new` for a chat that does not exist yet). */
export function readDraft(chat: string): string {
  return drafts().chats[chat]?.text ?? "";
}

/** Files that were uploaded for a message that was not sent. */
export const readDraftFiles = (chat: string): readonly Attachment[] => drafts().chats[chat]?.files ?? [];

/** Files that are not named stay. */
export function writeDraft(chat: string, text: string, named?: Attachment[]): void {
  // Read anew each time: another tab may have written the draft of another chat.
  const all = drafts();
  const files = named ?? all.chats[chat]?.files ?? [];
  if (text || files.length > 0) all.chats[chat] = { text, at: Date.now(), files };
  else delete all.chats[chat];
  keep(all);
}

function keep(all: Drafts): void {
  write("drafts", Object.keys(all.chats).length ? JSON.stringify(all) : null);
}

function drafts(): Drafts {
  const none = { account, chats: {} };
  try {
    const kept = JSON.parse(read("drafts") ?? "null") as Drafts | null;
    return account !== "" && kept?.account === account ? kept : none;
  } catch {
    return none;
  }
}
