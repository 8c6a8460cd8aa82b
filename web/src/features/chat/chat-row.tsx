// One chat in a list: the way to it, and what can be done with it.
import { useQueryClient } from "@tanstack/react-query";
import clsx from "clsx";
import { Archive, ArchiveRestore, FolderInput, MoreHorizontal, Pencil, Pin, PinOff, Trash2 } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { Chat } from "../../api/types";
import { t } from "../../i18n/t";
import { Menu } from "../../ui/menu";
import { NameField } from "../../ui/name-field";
import { part } from "../../ui/part";
import { showToast } from "../../ui/toast";
import { changeChat, deleteChat } from "./chat-acts";
import { backToMenu, takeFocus } from "./row-focus";

const MoveDialog = part(async () => (await import("./move-dialog")).default);

export interface Ways {
  link: (chat: Chat, children: ReactNode) => ReactNode;
  /** The open chat was deleted. */
  onGone: () => void;
}

const ICON = "size-4";

export function ChatRow({ chat, isOpen, note, link, onGone }: Ways & { chat: Chat; isOpen: boolean; note?: ReactNode }) {
  const [isNaming, setNaming] = useState(false);
  const [isMoving, setMoving] = useState(false);
  const row = useRef<HTMLLIElement>(null);
  useEffect(takeFocus, []);
  const queries = useQueryClient();
  const title = chat.title || t("chat.untitled");

  async function archive(archived: boolean) {
    const isDone = await changeChat(queries, chat, { archived }, "chats.change.failed");
    if (!isDone) return;
    const undo = () => void changeChat(queries, { ...chat, archived }, { archived: !archived }, "chats.change.failed");
    showToast({ text: t(archived ? "chats.archived" : "chats.unarchived", { title }), action: { label: t("undo"), act: undo } });
  }

  if (isNaming) {
    return (
      <li ref={row} data-row={chat.id} className="px-2">
        <NameField
          value={chat.title}
          label={t("chats.rename.label")}
          longest={120}
          onDone={(name, isByKey) => {
            if (isByKey) backToMenu(row.current);
            setNaming(false);
            if (name && name !== chat.title) void changeChat(queries, chat, { title: name }, "chats.rename.failed");
          }}
        />
      </li>
    );
  }
  return (
    <li ref={row} data-row={chat.id} className="group relative px-2">
      {link(
        chat,
        <span className="flex items-center gap-1.5 pe-7">
          {chat.pinned && <Pin aria-label={t("chats.pinned")} className="size-3.5 shrink-0 text-ink-3" />}
          <span className="min-w-0 flex-1 truncate">{title}</span>
          {chat.imported_from && <span className="text-[12px] text-ink-3">{t(chat.imported_from === "claude" ? "chats.from.claude" : "chats.from.chatgpt")}</span>}
          {note}
        </span>,
      )}
      <span className={clsx("absolute inset-y-0 end-2.5 flex items-center opacity-0 group-focus-within:opacity-100 group-hover:opacity-100 pointer-coarse:opacity-100", isOpen && "opacity-100")}>
        <Menu
          label={t("chats.menu", { title })}
          icon={<MoreHorizontal aria-hidden className={ICON} />}
          items={[
            { label: t("chats.rename"), icon: <Pencil aria-hidden className={ICON} />, act: () => setNaming(true) },
            chat.pinned
              ? { label: t("chats.unpin"), icon: <PinOff aria-hidden className={ICON} />, act: () => void changeChat(queries, chat, { pinned: false }, "chats.change.failed") }
              : { label: t("chats.pin"), icon: <Pin aria-hidden className={ICON} />, act: () => void changeChat(queries, chat, { pinned: true }, "chats.change.failed") },
            { label: t("chats.move"), icon: <FolderInput aria-hidden className={ICON} />, act: () => setMoving(true) },
            chat.archived
              ? { label: t("chats.unarchive"), icon: <ArchiveRestore aria-hidden className={ICON} />, act: () => void archive(false) }
              : { label: t("chats.archive"), icon: <Archive aria-hidden className={ICON} />, act: () => void archive(true) },
            { label: t("chats.delete"), icon: <Trash2 aria-hidden className={ICON} />, isDangerous: true, act: () => void deleteChat(queries, chat, () => isOpen && onGone()) },
          ]}
        />
      </span>
      {isMoving && (
        <MoveDialog
          chat={chat}
          onClose={() => {
            backToMenu(row.current);
            setMoving(false);
          }}
        />
      )}
    </li>
  );
}
