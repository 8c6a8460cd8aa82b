// Changing one chat in all lists at once, and taking that back with the reason when it cannot be kept.
import type { QueryClient } from "@tanstack/react-query";
import { chats } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { chatQuery } from "../../api/queries";
import type { Chat, ChatChange } from "../../api/types";
import { type Key, t } from "../../i18n/t";
import { showToast } from "../../ui/toast";
import { changeLists, LISTS } from "./chat-lists";

/** Shows a change at once, and takes it back with the reason if it cannot be kept. Answers whether it was. */
export async function changeChat(queries: QueryClient, chat: Chat, change: ChatChange, failed: Key): Promise<boolean> {
  const { folder, ...rest } = change;
  const shown = { ...chat, ...(Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) as Partial<Chat>), ...("folder" in change ? { folder: folder ?? undefined } : {}) };
  const back = changeLists(queries, (items) => items.map((one) => (one.id === chat.id ? shown : one)));
  try {
    queries.setQueryData(chatQuery(chat.id).queryKey, await chats.change(chat.id, change));
    return true;
  } catch (error) {
    back();
    showToast({ text: t(failed, { problem: problemOf(error).title }) });
    return false;
  } finally {
    void queries.invalidateQueries(LISTS);
  }
}

/** Deletes a chat from sight at once, with a way back. */
export async function deleteChat(queries: QueryClient, chat: Chat, onGone: () => void): Promise<void> {
  const title = chat.title || t("chat.untitled");
  const back = changeLists(queries, (items) => items.filter((one) => one.id !== chat.id));
  try {
    await chats.delete(chat.id);
    onGone();
    showToast({ text: t("chats.deleted", { title }), action: { label: t("undo"), act: () => void restoreChat(queries, chat.id, title) } });
  } catch (error) {
    back();
    showToast({ text: t("chats.delete.failed", { problem: problemOf(error).title }) });
  }
}

async function restoreChat(queries: QueryClient, id: string, title: string): Promise<void> {
  try {
    await chats.restore(id);
    await queries.invalidateQueries(LISTS);
    showToast({ text: t("chats.restored", { title }) });
  } catch (error) {
    showToast({ text: problemOf(error).title });
  }
}
