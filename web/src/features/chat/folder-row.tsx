// A folder in the sidebar: opens and closes, is named, moved and deleted, and holds its chats.
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import clsx from "clsx";
import { ArrowDown, ArrowUp, ChevronRight, MoreHorizontal, Pencil, ScrollText, Trash2 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { folders } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { chatListQuery, foldersQuery } from "../../api/queries";
import type { Chat, Folder } from "../../api/types";
import { t } from "../../i18n/t";
import { Menu } from "../../ui/menu";
import { NameField } from "../../ui/name-field";
import { showToast } from "../../ui/toast";
import { joined } from "./chat-lists";
import { ChatRow, type Ways } from "./chat-row";
import { backToMenu, takeFocus } from "./row-focus";

interface Props extends Ways {
  folder: Folder;
  /** Its chats that are known already. */
  known: Chat[];
  open: string | null;
  isClosed: boolean;
  isLast: boolean;
  onToggle: () => void;
  onInstructions: () => void;
}

export function FolderRow({ folder, known, open, isClosed, isLast, onToggle, onInstructions, link, onGone }: Props) {
  const queries = useQueryClient();
  const [isNaming, setNaming] = useState(false);
  const row = useRef<HTMLLIElement>(null);
  useEffect(takeFocus, []);
  const list = useInfiniteQuery({ ...chatListQuery({ folder: folder.id }), enabled: !isClosed });
  const extra = joined([list.data]).filter((chat) => chat.folder === folder.id && !chat.archived && !known.some((one) => one.id === chat.id));
  const inside = [...known, ...extra];

  /** Shows a change at once, and takes it back with the reason if it cannot be kept. */
  async function change(shown: (items: Folder[]) => Folder[], act: () => Promise<unknown>): Promise<boolean> {
    const before = queries.getQueryData(foldersQuery.queryKey);
    queries.setQueryData(foldersQuery.queryKey, (page) => page && { ...page, items: shown(page.items) });
    try {
      await act();
      return true;
    } catch (error) {
      queries.setQueryData(foldersQuery.queryKey, before);
      showToast({ text: t("folders.change.failed", { problem: problemOf(error).title }) });
      return false;
    } finally {
      void queries.invalidateQueries(foldersQuery);
    }
  }
  const rename = (name: string) => void change((items) => items.map((one) => (one.id === folder.id ? { ...one, name } : one)), () => folders.change(folder.id, { name }));
  const move = (by: number) =>
    void change(
      (items) => {
        const at = items.findIndex((one) => one.id === folder.id);
        const rest = items.filter((one) => one.id !== folder.id);
        return [...rest.slice(0, at + by), folder, ...rest.slice(at + by)];
      },
      () => folders.change(folder.id, { position: folder.position + by }),
    );
  async function remove() {
    const isDone = await change((items) => items.filter((one) => one.id !== folder.id), () => folders.delete(folder.id));
    if (!isDone) return;
    void queries.invalidateQueries({ queryKey: ["chats"] });
    const undo = async () => {
      await change((items) => items, () => folders.restore(folder.id));
      await queries.invalidateQueries({ queryKey: ["chats"] });
    };
    showToast({ text: t("folders.deleted", { name: folder.name }), action: { label: t("undo"), act: () => void undo() } });
  }

  if (isNaming) {
    return (
      <li ref={row} data-row={folder.id} className="px-2">
        <NameField
          value={folder.name}
          label={t("folders.name")}
          longest={60}
          onDone={(name, isByKey) => {
            if (isByKey) backToMenu(row.current);
            setNaming(false);
            if (name && name !== folder.name) rename(name);
          }}
        />
      </li>
    );
  }
  return (
    <li ref={row} data-row={folder.id}>
      <div className="group relative px-2">
        <button type="button" aria-expanded={!isClosed} onClick={onToggle} className="tap flex w-full items-center gap-1.5 rounded-md px-1.5 py-1 text-start text-[14.5px] hover:bg-surface">
          <ChevronRight aria-hidden className={clsx("size-4 shrink-0 text-ink-3 transition-transform motion-reduce:transition-none", !isClosed && "rotate-90")} />
          <span className="min-w-0 flex-1 truncate pe-7">{folder.name}</span>
        </button>
        <span className="absolute inset-y-0 end-2.5 flex items-center opacity-0 group-focus-within:opacity-100 group-hover:opacity-100 pointer-coarse:opacity-100">
          <Menu
            label={t("folders.menu", { name: folder.name })}
            icon={<MoreHorizontal aria-hidden className="size-4" />}
            items={[
              { label: t("chats.rename"), icon: <Pencil aria-hidden className="size-4" />, act: () => setNaming(true) },
              { label: t("settings.instructions"), icon: <ScrollText aria-hidden className="size-4" />, act: onInstructions },
              ...(folder.position > 0 ? [{ label: t("folders.up"), icon: <ArrowUp aria-hidden className="size-4" />, act: () => move(-1) }] : []),
              ...(isLast ? [] : [{ label: t("folders.down"), icon: <ArrowDown aria-hidden className="size-4" />, act: () => move(1) }]),
              { label: t("folders.delete"), icon: <Trash2 aria-hidden className="size-4" />, isDangerous: true, act: () => void remove() },
            ]}
          />
        </span>
      </div>
      {!isClosed && (
        <ul className="ms-3 border-s border-line">
          {inside.map((chat) => (
            <ChatRow key={chat.id} chat={chat} isOpen={chat.id === open} link={link} onGone={onGone} />
          ))}
          {inside.length === 0 && !list.isPending && <li className="px-4 py-1 text-[13.5px] text-ink-3">{t("folders.empty")}</li>}
          {list.hasNextPage && (
            <li className="px-2">
              <button type="button" className="tap rounded-md px-2.5 text-[13.5px] text-ink-2 hover:bg-surface" onClick={() => void list.fetchNextPage()}>
                {t("chats.more")}
              </button>
            </li>
          )}
        </ul>
      )}
    </li>
  );
}
