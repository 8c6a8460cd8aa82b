// The conversations in the sidebar: the pinned ones, the folders, then the others by day.
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { FolderPlus, MessageCircleDashed } from "lucide-react";
import { type ReactNode, useState } from "react";
import { chats, folders } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { chatListQuery, foldersQuery } from "../../api/queries";
import type { Chat } from "../../api/types";
import { read, write } from "../../app/storage";
import { t } from "../../i18n/t";
import { IconButton } from "../../ui/button";
import { NameField } from "../../ui/name-field";
import { Skeleton } from "../../ui/skeleton";
import { dayName } from "../../ui/time";
import { showToast } from "../../ui/toast";
import { joined } from "./chat-lists";
import { ChatRow, type Ways } from "./chat-row";
import { FolderRow } from "./folder-row";

interface Props extends Ways {
  open: string | null;
  /** A chat was made that shall be shown. */
  onMade: (chat: Chat) => void;
  /** How Ally shall answer in the chats of a folder. */
  onInstructions: (folder: string) => void;
}

export function ChatList({ open, link, onGone, onMade, onInstructions }: Props) {
  const list = useInfiniteQuery(chatListQuery());
  const tree = useQuery(foldersQuery);
  const queries = useQueryClient();
  const [closed, setClosed] = useState<readonly string[]>(readClosed);
  const [isMaking, setMaking] = useState(false);
  if (list.isPending) return <div className="px-4"><Skeleton label={t("loading")} lines={4} /></div>;
  if (list.isError) return <p className="px-4 py-2 text-[13.5px] text-ink-2">{problemOf(list.error).title}</p>;

  const all = joined([list.data]).filter((chat) => !chat.archived);
  const known = tree.data?.items ?? [];
  const pinned = all.filter((chat) => chat.pinned);
  const inFolder = (chat: Chat) => known.some((folder) => folder.id === chat.folder);
  const loose = all.filter((chat) => !chat.pinned && !inFolder(chat));
  const ways = { link, onGone };

  function toggle(folder: string) {
    const next = closed.includes(folder) ? closed.filter((one) => one !== folder) : [...closed, folder];
    setClosed(next);
    write("folders", next.length ? JSON.stringify(next) : null);
  }
  async function begin() {
    try {
      onMade(await chats.createTemporary());
    } catch (error) {
      showToast({ text: problemOf(error).title });
    }
  }
  async function make(name: string) {
    try {
      await folders.create(name);
      await queries.invalidateQueries(foldersQuery);
    } catch (error) {
      showToast({ text: t("folders.change.failed", { problem: problemOf(error).title }) });
    }
  }

  return (
    <>
      <div className="flex items-center gap-0.5 ps-4.5 pe-2 text-[12.5px] text-ink-3">
        <span className="flex-1">{t("shell.chats")}</span>
        <IconButton label={t("temporary.new")} onClick={() => void begin()}>
          <MessageCircleDashed aria-hidden className="size-4" />
        </IconButton>
        <IconButton label={t("folders.new")} onClick={() => setMaking(true)}>
          <FolderPlus aria-hidden className="size-4" />
        </IconButton>
      </div>
      {isMaking && (
        <div className="px-2">
          <NameField
            value=""
            label={t("folders.name")}
            longest={60}
            onDone={(name) => {
              setMaking(false);
              if (name) void make(name);
            }}
          />
        </div>
      )}
      {all.length === 0 && known.length === 0 && <p className="px-4.5 py-2 text-[13.5px] text-ink-3">{t("chats.none")}</p>}
      {pinned.length > 0 && (
        <Group name={t("chats.pinned")}>
          {pinned.map((chat) => (
            <ChatRow key={chat.id} chat={chat} isOpen={chat.id === open} {...ways} />
          ))}
        </Group>
      )}
      {known.length > 0 && (
        <Group name={t("folders")}>
          {known.map((folder, at) => (
            <FolderRow
              key={folder.id}
              folder={{ ...folder, position: at }}
              known={all.filter((chat) => !chat.pinned && chat.folder === folder.id)}
              open={open}
              isClosed={closed.includes(folder.id)}
              isLast={at === known.length - 1}
              onToggle={() => toggle(folder.id)}
              onInstructions={() => onInstructions(folder.id)}
              {...ways}
            />
          ))}
        </Group>
      )}
      {byDay(loose).map(([day, group]) => (
        <Group key={day} name={day}>
          {group.map((chat) => (
            <ChatRow key={chat.id} chat={chat} isOpen={chat.id === open} {...ways} />
          ))}
        </Group>
      ))}
      {list.hasNextPage && (
        <button type="button" className="tap mx-2 rounded-md px-2.5 text-[13.5px] text-ink-2 hover:bg-surface" onClick={() => void list.fetchNextPage()}>
          {t("chats.more")}
        </button>
      )}
    </>
  );
}

function Group({ name, children }: { name: string; children: ReactNode }) {
  return (
    <section aria-label={name} className="pb-2">
      <h2 className="px-4.5 pt-2.5 pb-1 text-[12.5px] text-ink-3">{name}</h2>
      <ul>{children}</ul>
    </section>
  );
}

function byDay(items: Chat[]): Array<[string, Chat[]]> {
  const groups = new Map<string, Chat[]>();
  for (const chat of items) {
    const day = dayName(chat.updated);
    groups.set(day, [...(groups.get(day) ?? []), chat]);
  }
  return [...groups];
}

function readClosed(): string[] {
  try {
    const kept: unknown = JSON.parse(read("folders") ?? "[]");
    return Array.isArray(kept) ? kept.map(String) : [];
  } catch {
    return [];
  }
}
