// The palette: every chat, page and action by its name. A field with a list below it, by keyboard alone if one likes.
import { useQuery, useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import clsx from "clsx";
import { Archive, BellDot, Copy, Keyboard, Library, LogOut, MessageSquare, NotebookText, PanelLeft, Search, Settings, SquarePen, SunMoon } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { problemOf } from "../api/problem";
import { chatListQuery, everyChatQuery } from "../api/queries";
import "../i18n/palette";
import { t } from "../i18n/t";
import { showToast } from "../ui/toast";
import { best } from "./palette-match";
import { settingsPages } from "./places";
import { useAccount, useSignOut } from "./session";
import { ShortcutSheet } from "./shortcut-sheet";
import { setTheme } from "./theme";

export { ShortcutSheet };

interface Entry {
  id: string;
  group: string;
  label: string;
  /** Other words by which it is found. */
  words?: string;
  icon: ReactNode;
  act: () => void;
}

interface Props {
  onClose: () => void;
  onFold: () => void;
  onShortcuts: () => void;
}

/** So many chats are shown at once; the others are found by typing. */
const MOST = 12;

export function Palette({ onClose, onFold, onShortcuts }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState(0);
  const { groups, isLooking } = useGroups(typed, { onFold, onShortcuts });
  const entries = groups.flatMap(([, group]) => group);
  const at = Math.min(chosen, entries.length - 1);

  useEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
  }, []);
  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [at, typed]);

  function run(entry: Entry | undefined) {
    if (!entry) return;
    dialog.current?.close();
    entry.act();
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.nativeEvent.isComposing) return;
    const last = entries.length - 1;
    const to: Record<string, number> = { ArrowDown: at >= last ? 0 : at + 1, ArrowUp: at <= 0 ? last : at - 1, PageDown: Math.min(last, at + 8), PageUp: Math.max(0, at - 8) };
    const next = to[event.key];
    if (next !== undefined) {
      event.preventDefault();
      setChosen(next);
    }
    if (event.key === "Enter") {
      event.preventDefault();
      run(entries[at]);
    }
  }

  return (
    <dialog
      ref={dialog}
      aria-label={t("palette.title")}
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}
      className="mx-auto mt-[12dvh] mb-0 max-h-[76dvh] w-[min(94vw,36rem)] overflow-hidden rounded-xl border border-line bg-surface p-0 text-ink shadow-lift backdrop:bg-[oklch(0.12_0.01_190/0.55)]"
    >
      <div className="flex max-h-[76dvh] flex-col">
        <input
          type="text"
          role="combobox"
          aria-expanded
          aria-controls={`${id}list`}
          aria-autocomplete="list"
          aria-activedescendant={entries[at] ? `${id}${at}` : undefined}
          aria-label={t("palette.search")}
          placeholder={t("palette.search")}
          autoComplete="off"
          spellCheck={false}
          autoFocus
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value);
            setChosen(0);
          }}
          onKeyDown={onKeyDown}
          className="w-full shrink-0 border-b border-line bg-transparent px-4 py-3.5 text-[16px] outline-none"
        />
        <div ref={list} id={`${id}list`} role="listbox" aria-label={t("palette.results")} tabIndex={-1} className="min-h-0 overflow-y-auto p-1.5">
          {groups.map(([name, group]) => (
            <div key={name} role="group" aria-label={name}>
              <p aria-hidden className="px-2.5 pt-2 pb-1 text-[12.5px] text-ink-3">
                {name}
              </p>
              {group.map((entry) => {
                const place = entries.indexOf(entry);
                return (
                  <div
                    key={entry.id}
                    id={`${id}${place}`}
                    role="option"
                    tabIndex={-1}
                    aria-selected={place === at}
                    onPointerMove={() => setChosen(place)}
                    onClick={() => run(entry)}
                    className={clsx("tap flex cursor-pointer items-center gap-3 rounded-md px-2.5 py-1.5 text-[15px]", place === at && "bg-accent-soft")}
                  >
                    <span className="shrink-0 text-ink-2 *:size-4.5">{entry.icon}</span>
                    <span className="min-w-0 flex-1 truncate">{entry.label}</span>
                  </div>
                );
              })}
            </div>
          ))}
        </div>
        {isLooking ? <p className="px-4 pb-3 text-[13.5px] text-ink-3">{t("palette.looking")}</p> : entries.length === 0 && <p className="px-4 pb-4 text-[14.5px] text-ink-2">{t("palette.none")}</p>}
        <p role="status" className="sr-only">
          {t("palette.count", { count: entries.length })}
        </p>
      </div>
    </dialog>
  );
}

/** What fits to what is typed, by group: chats first, because they are what is looked for most. */
function useGroups(typed: string, { onFold, onShortcuts }: Pick<Props, "onFold" | "onShortcuts">): { groups: Array<[string, Entry[]]>; isLooking: boolean } {
  const navigate = useNavigate();
  const account = useAccount();
  const signOut = useSignOut();
  const lately = useInfiniteQuery(chatListQuery()).data?.pages.flatMap((page) => page.items) ?? [];
  // The list at the side knows the last hundred; the others are asked for once something is looked for.
  const isAsked = useRested(typed.trim() !== "");
  const every = useQuery({ ...everyChatQuery, enabled: isAsked });
  const chats = isAsked && every.data ? every.data : lately;
  const theme = (choice: "light" | "dark" | "auto", label: string): Entry => ({ id: `theme-${choice}`, group: t("palette.actions"), label, words: t("palette.words.theme"), icon: <SunMoon aria-hidden />, act: () => setTheme(choice) });
  const action = (name: string, label: string, icon: ReactNode, act: () => void, words?: string): Entry => ({ id: name, group: t("palette.actions"), label, words, icon, act });
  const entries: Entry[] = [
    action("new", t("chat.new"), <SquarePen aria-hidden />, () => void navigate({ to: "/" })),
    action("copy", t("palette.copy_link"), <Copy aria-hidden />, () => void copyAddress()),
    action("fold", t("shortcuts.b"), <PanelLeft aria-hidden />, onFold),
    action("shortcuts", t("palette.shortcuts"), <Keyboard aria-hidden />, onShortcuts, t("palette.words.shortcuts")),
    theme("light", t("palette.theme.light")),
    theme("dark", t("palette.theme.dark")),
    theme("auto", t("palette.theme.auto")),
    action("sign-out", t("settings.sign_out"), <LogOut aria-hidden />, () => void signOut().catch((error: unknown) => showToast({ text: problemOf(error).title }))),
    { id: "chats", group: t("palette.pages"), label: t("chats.all"), icon: <Library aria-hidden />, act: () => void navigate({ to: "/chats" }) },
    { id: "needs", group: t("palette.pages"), label: t("nav.needs"), icon: <BellDot aria-hidden />, act: () => void navigate({ to: "/approvals" }) },
    { id: "search", group: t("palette.pages"), label: t("nav.search"), icon: <Search aria-hidden />, act: () => void navigate({ to: "/search" }) },
    { id: "memory", group: t("palette.pages"), label: t("nav.memory"), icon: <NotebookText aria-hidden />, act: () => void navigate({ to: "/memory" }) },
    ...settingsPages(account.administrator).map((page) => ({ id: page.to, group: t("palette.settings"), label: t(page.label), icon: <Settings aria-hidden />, act: () => void navigate({ to: page.to }) })),
  ];
  const named = chats.map((chat): Entry => ({ id: chat.id, group: t("palette.chats"), label: chat.title || t("chat.untitled"), icon: chat.archived ? <Archive aria-label={t("chats.archived.mark")} /> : <MessageSquare aria-hidden />, act: () => void navigate({ to: "/chats/$chat", params: { chat: chat.id } }) }));
  const found = [...best(named, typed).slice(0, MOST), ...best(entries, typed)];
  const groups = new Map<string, Entry[]>();
  for (const entry of found) groups.set(entry.group, [...(groups.get(entry.group) ?? []), entry]);
  return { groups: [...groups], isLooking: isAsked && every.isFetching };
}

/** Becomes true when it has been for a moment, so that a slip of a finger asks nobody. */
function useRested(wanted: boolean): boolean {
  const [rested, setRested] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setRested(wanted), wanted ? 150 : 0);
    return () => clearTimeout(timer);
  }, [wanted]);
  return rested;
}

async function copyAddress(): Promise<void> {
  try {
    await navigator.clipboard.writeText(location.href);
    showToast({ text: t("palette.copied") });
  } catch {
    // The browser refused; the address stands in its bar.
  }
}
