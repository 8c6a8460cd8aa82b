// The only door to what this browser keeps. A key that is not in the list does not compile, and the list is read by
// the test of the privacy register.

/** Every key, in both storages. `drafts` is kept for the life of the tab only (sessionStorage). */
export const STORAGE_KEYS = ["theme", "sidebar", "drafts"] as const;

export type StorageKey = (typeof STORAGE_KEYS)[number];

/** A draft is content, so it does not outlive the tab. */
function place(key: StorageKey): Storage {
  return key === "drafts" ? sessionStorage : localStorage;
}

export function read(key: StorageKey): string | null {
  try {
    return place(key).getItem(key);
  } catch {
    return null; // Storage may be switched off; the app works without it.
  }
}

export function write(key: StorageKey, value: string | null): void {
  try {
    if (value === null) place(key).removeItem(key);
    else place(key).setItem(key, value);
  } catch {
    // Full or switched off: nothing here is needed to work.
  }
}

/** What was typed but not sent, per chat (`new` for a chat that does not exist yet). */
export function readDraft(chat: string): string {
  return drafts()[chat] ?? "";
}

export function writeDraft(chat: string, text: string): void {
  const all = drafts();
  if (text) all[chat] = text;
  else delete all[chat];
  write("drafts", Object.keys(all).length ? JSON.stringify(all) : null);
}

function drafts(): Record<string, string> {
  try {
    return JSON.parse(read("drafts") ?? "{}") as Record<string, string>;
  } catch {
    return {};
  }
}
