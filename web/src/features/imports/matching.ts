// Which chats of a file have all of some words in their titles.
import type { ImportChat } from "../../api/imports";

export function matching(chats: ImportChat[], words: string): ImportChat[] {
  const all = plain(words).split(/\s+/).filter(Boolean);
  return all.length === 0 ? chats : chats.filter((chat) => all.every((word) => plain(chat.title).includes(word)));
}

const plain = (text: string): string => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
