// The conversations in the sidebar: by day, named, renamed in place, deleted with a way back.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import clsx from "clsx";
import { MoreHorizontal, Pencil, Trash2 } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { chats } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { chatQuery, chatsQuery } from "../../api/queries";
import type { Chat } from "../../api/types";
import { t } from "../../i18n/t";
import { Menu } from "../../ui/menu";
import { Skeleton } from "../../ui/skeleton";
import { dayName } from "../../ui/time";
import { showToast } from "../../ui/toast";

interface Props {
  open: string | null;
  link: (chat: Chat, children: ReactNode) => ReactNode;
  /** The open chat was deleted. */
  onGone: () => void;
}

export function ChatList({ open, link, onGone }: Props) {
  const list = useQuery(chatsQuery);
  const more = useInfiniteQuery({
    queryKey: ["chats", "more"],
    queryFn: ({ pageParam }) => chats.list(pageParam),
    initialPageParam: list.data?.next ?? "",
    getNextPageParam: (page) => page.next || undefined,
    enabled: false,
  });
  if (list.isPending) return <div className="px-4"><Skeleton label={t("loading")} lines={4} /></div>;
  if (list.isError) return <p className="px-4 py-2 text-[13.5px] text-ink-2">{problemOf(list.error).title}</p>;
  const first = list.data.items;
  const known = new Set(first.map((chat) => chat.id));
  const items = [...first, ...(more.data?.pages ?? []).flatMap((page) => page.items).filter((chat) => !known.has(chat.id))];
  if (items.length === 0) return <p className="px-4.5 py-2 text-[13.5px] text-ink-3">{t("chats.none")}</p>;
  const hasMore = more.data ? more.hasNextPage : Boolean(list.data.next);
  return (
    <>
      {byDay(items).map(([day, group]) => (
        <section key={day} aria-label={day} className="pb-2">
          <h2 className="px-4.5 pt-2.5 pb-1 text-[12.5px] text-ink-3">{day}</h2>
          <ul>
            {group.map((chat) => (
              <Row key={chat.id} chat={chat} isOpen={chat.id === open} link={link} onGone={onGone} />
            ))}
          </ul>
        </section>
      ))}
      {hasMore && (
        <button type="button" className="tap mx-2 rounded-md px-2.5 text-[13.5px] text-ink-2 hover:bg-surface" onClick={() => void more.fetchNextPage()}>
          {t("chats.more")}
        </button>
      )}
    </>
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

function Row({ chat, isOpen, link, onGone }: { chat: Chat; isOpen: boolean } & Pick<Props, "link" | "onGone">) {
  const [isNaming, setNaming] = useState(false);
  const queries = useQueryClient();
  const refresh = () => queries.invalidateQueries({ queryKey: ["chats"] });
  const title = chat.title || t("chat.untitled");

  /** Changes the lists at once and returns a way to put them back. */
  function show(change: (items: Chat[]) => Chat[]): () => void {
    const before = queries.getQueryData(chatsQuery.queryKey);
    queries.setQueryData(chatsQuery.queryKey, (page) => page && { ...page, items: change(page.items) });
    return () => queries.setQueryData(chatsQuery.queryKey, before);
  }

  const rename = useMutation({
    mutationFn: (name: string) => chats.rename(chat.id, name),
    onMutate: (name) => ({ back: show((items) => items.map((one) => (one.id === chat.id ? { ...one, title: name } : one))) }),
    onSuccess: (renamed) => queries.setQueryData(chatQuery(chat.id).queryKey, renamed),
    onError: (error, _, context) => {
      context?.back();
      showToast({ text: t("chats.rename.failed", { problem: problemOf(error).title }) });
    },
    onSettled: refresh,
  });

  async function remove() {
    const back = show((items) => items.filter((one) => one.id !== chat.id));
    try {
      await chats.delete(chat.id);
      if (isOpen) onGone();
      showToast({ text: t("chats.deleted", { title }), action: { label: t("undo"), act: () => void restore() } });
    } catch (error) {
      back();
      showToast({ text: t("chats.delete.failed", { problem: problemOf(error).title }) });
    }
  }

  async function restore() {
    try {
      await chats.restore(chat.id);
      await refresh();
      showToast({ text: t("chats.restored", { title }) });
    } catch (error) {
      showToast({ text: problemOf(error).title });
    }
  }

  if (isNaming) {
    return (
      <li className="px-2">
        <Rename
          title={chat.title ?? ""}
          onDone={(name) => {
            setNaming(false);
            if (name && name !== chat.title) rename.mutate(name);
          }}
        />
      </li>
    );
  }
  return (
    <li className="group relative px-2">
      {link(chat, <span className="block truncate pe-7">{title}</span>)}
      <span className={clsx("absolute inset-y-0 end-2.5 flex items-center opacity-0 group-focus-within:opacity-100 group-hover:opacity-100 pointer-coarse:opacity-100", isOpen && "opacity-100")}>
          <Menu
            label={t("chats.menu", { title })}
            icon={<MoreHorizontal aria-hidden className="size-4" />}
            items={[
              { label: t("chats.rename"), icon: <Pencil aria-hidden className="size-4" />, act: () => setNaming(true) },
              { label: t("chats.delete"), icon: <Trash2 aria-hidden className="size-4" />, isDangerous: true, act: () => void remove() },
            ]}
          />
      </span>
    </li>
  );
}

/** Enter and leaving the field keep the name, Escape does not. */
function Rename({ title, onDone }: { title: string; onDone: (name: string | null) => void }) {
  const [name, setName] = useState(title);
  const input = useRef<HTMLInputElement>(null);
  const isDone = useRef(false);
  useEffect(() => {
    // The menu gives the focus back to its button first.
    const frame = requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.select();
    });
    return () => cancelAnimationFrame(frame);
  }, []);
  function finish(value: string | null) {
    if (isDone.current) return;
    isDone.current = true;
    onDone(value);
  }
  return (
    <input
      ref={input}
      value={name}
      maxLength={200}
      aria-label={t("chats.rename.label")}
      onChange={(event) => setName(event.target.value)}
      onBlur={() => finish(name.trim() || null)}
      onKeyDown={(event) => {
        if (event.nativeEvent.isComposing) return;
        if (event.key === "Enter") finish(name.trim() || null);
        if (event.key === "Escape") finish(null);
      }}
      className="tap w-full rounded-md border border-accent bg-surface px-2 py-1 text-[14.5px]"
    />
  );
}
