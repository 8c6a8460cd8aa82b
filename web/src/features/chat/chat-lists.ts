// The lists of chats as this tab knows them.
import type { InfiniteData, QueryClient } from "@tanstack/react-query";
import { chatListQuery, chatQuery } from "../../api/queries";
import type { Chat } from "../../api/types";

interface Page {
  items: Chat[];
  next?: string | null;
}
type Pages = InfiniteData<Page, string | undefined>;

/** What all lists stand below. */
export const LISTS = { queryKey: ["chats", "list"] };

/** Changes every list; the answer puts them back. */
export function changeLists(queries: QueryClient, change: (items: Chat[]) => Chat[]): () => void {
  const before = queries.getQueriesData<Pages>(LISTS);
  queries.setQueriesData<Pages>(LISTS, (data) => data && { ...data, pages: data.pages.map((page) => ({ ...page, items: change(page.items) })) });
  return () => {
    for (const [key, data] of before) queries.setQueryData(key, data);
  };
}

/** What the server said of a chat, also in the lists; the first page takes it in if none knows it. */
export function keepChat(queries: QueryClient, chat: Chat): void {
  queries.setQueryData(chatQuery(chat.id).queryKey, chat);
  if (chat.temporary) return;
  const all = queries.getQueriesData<Pages>(LISTS).flatMap(([, data]) => data?.pages.flatMap((page) => page.items) ?? []);
  const known = all.find((one) => one.id === chat.id);
  if (known && known.updated === chat.updated && isSame(known, chat) && !chat.deleted) return;
  changeLists(queries, (items) => items.flatMap((one) => (one.id !== chat.id ? [one] : chat.deleted ? [] : [chat])));
  if (known || chat.deleted) return;
  queries.setQueryData<Pages>(chatListQuery().queryKey, (data) => {
    const first = data?.pages[0];
    if (!data || !first) return data;
    return { ...data, pages: [{ ...first, items: [chat, ...first.items] }, ...data.pages.slice(1)] };
  });
}

function isSame(one: Chat, other: Chat): boolean {
  return one.title === other.title && one.pinned === other.pinned && one.archived === other.archived && one.folder === other.folder;
}

/** All chats of some lists: each once, the pinned ones first, then the last used. */
export function joined(lists: ReadonlyArray<{ pages: Page[] } | undefined>): Chat[] {
  const all = new Map<string, Chat>();
  for (const list of lists) for (const page of list?.pages ?? []) for (const chat of page.items) all.set(chat.id, chat);
  return [...all.values()].sort((a, b) => Number(b.pinned) - Number(a.pinned) || b.updated.localeCompare(a.updated));
}
