// The frame of every signed-in page: sidebar or drawer, content, toasts.
import { Link, Outlet, useNavigate, useParams, useRouterState } from "@tanstack/react-router";
import { BellDot, Library, MessageSquare, NotebookText, PanelLeftClose, PanelLeftOpen, Search, Settings, SquarePen, X } from "lucide-react";
import { type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { t } from "../i18n/t";
import { ChatList } from "../features/chat/chat-list";
import { IconButton } from "../ui/button";
import { part } from "../ui/part";
import { setTimeZone } from "../ui/time";
import { showToast, Toasts } from "../ui/toast";
import { Mark } from "./mark";
import { OpenDrawer } from "./drawer";
import { NeedsCount, useNeeds, WatchNeeds } from "./needs";
import { useAccount } from "./session";
import { moveToMessage, type SingleKey, useShortcuts, writeMessage } from "./shortcuts";
import { openDrafts, read, write } from "./storage";

const LimitWatch = part(async () => (await import("../features/usage/limit-watch")).default, () => null);

export function Shell() {
  const account = useAccount();
  const [isFolded, setFolded] = useState(() => read("sidebar") === "folded");
  const drawer = useRef<HTMLDialogElement>(null);
  const [isDrawerOpen, setDrawerOpen] = useState(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  setTimeZone(account.timezone);
  openDrafts(account.id);
  const navigate = useNavigate();
  const [front, setFront] = useState<"palette" | "shortcuts" | null>(null);
  const [dialogs, setDialogs] = useState<typeof import("./palette") | null>(null);

  /** The palette comes when it is first wanted. */
  const open = useCallback((which: "palette" | "shortcuts") => {
    setFront(which);
    import("./palette").then(setDialogs, () => {
      setFront(null);
      showToast({ text: t("problem.unreachable.title") });
    });
  }, []);
  const openPalette = useCallback(() => open("palette"), [open]);
  const fold = useCallback((change: (isFolded: boolean) => boolean) => {
    setFolded((before) => {
      const next = change(before);
      write("sidebar", next ? "folded" : null);
      return next;
    });
  }, []);
  const press = useCallback(
    (key: SingleKey) => {
      if (key === "?") open("shortcuts");
      if (key === "n") void navigate({ to: "/" });
      if (key === "m") void navigate({ to: "/memory" });
      if (key === ",") void navigate({ to: "/settings" });
      if (key === "b") fold((isFolded) => !isFolded);
      if (key === "/") writeMessage();
      if (key === "j") moveToMessage(1);
      if (key === "k") moveToMessage(-1);
    },
    [open, navigate, fold],
  );
  useShortcuts(press, openPalette);

  useEffect(() => {
    if (path) drawer.current?.close();
  }, [path]);

  // What is behind an open drawer can be neither seen nor touched, so its messages stand in it.
  const toasts = <Toasts label={t("shell.messages")} close={t("shell.close")} />;
  function openDrawer() {
    drawer.current?.showModal();
    setDrawerOpen(true);
  }

  return (
    <OpenDrawer value={openDrawer}>
      <a href="#content" className="sr-only z-50 rounded-md bg-accent px-4 py-2.5 text-accent-ink focus:not-sr-only focus:fixed focus:start-3 focus:top-3">
        {t("shell.skip")}
      </a>
      <WatchNeeds />
      <div className="flex h-dvh overflow-hidden">
        {isFolded ? (
          <aside aria-label={t("shell.navigation")} className="flex w-12 shrink-0 flex-col items-center gap-1 border-e border-line bg-sunken pt-2.5 max-md:hidden">
            <IconButton label={t("shell.unfold")} onClick={() => fold(() => false)}>
              <PanelLeftOpen aria-hidden className="size-4.5" />
            </IconButton>
            <NewChatLink />
            <NeedsLink />
          </aside>
        ) : (
          <aside aria-label={t("shell.navigation")} className="w-64 shrink-0 border-e border-line bg-sunken max-md:hidden">
            <Sidebar
              onPalette={openPalette}
              corner={
                <IconButton label={t("shell.fold")} onClick={() => fold(() => true)}>
                  <PanelLeftClose aria-hidden className="size-4.5" />
                </IconButton>
              }
            />
          </aside>
        )}
        <dialog
          ref={drawer}
          aria-label={t("shell.navigation")}
          onClick={(event) => event.target === drawer.current && drawer.current?.close()}
          onClose={() => setDrawerOpen(false)}
          className="me-auto h-dvh max-h-none w-[min(20rem,86vw)] max-w-none border-e border-line bg-sunken text-ink backdrop:bg-[oklch(0.12_0.01_190/0.55)]"
        >
          <Sidebar
            onPalette={() => {
              drawer.current?.close();
              openPalette();
            }}
            corner={
              <IconButton label={t("shell.close")} onClick={() => drawer.current?.close()}>
                <X aria-hidden className="size-5" />
              </IconButton>
            }
          />
          {isDrawerOpen && toasts}
        </dialog>
        <main id="content" tabIndex={-1} className="flex min-w-0 flex-1 flex-col">
          <LimitWatch />
          <Outlet />
        </main>
      </div>
      {dialogs && front === "palette" && <dialogs.Palette onClose={() => setFront((before) => (before === "palette" ? null : before))} onFold={() => fold((isFolded) => !isFolded)} onShortcuts={() => open("shortcuts")} />}
      {dialogs && front === "shortcuts" && <dialogs.ShortcutSheet onClose={() => setFront(null)} />}
      {!isDrawerOpen && toasts}
    </OpenDrawer>
  );
}

const ROW = "tap flex items-center gap-3 rounded-md border border-transparent px-2.5 py-1.5 text-[14.5px]";
const ROW_OPEN = { className: "border-line! bg-surface text-ink! font-medium" };

function NewChatLink() {
  return (
    <Link to="/" aria-label={t("chat.new")} title={t("chat.new")} className="tap inline-flex items-center justify-center rounded-md text-ink-2 hover:bg-surface hover:text-ink">
      <SquarePen aria-hidden className="size-4.5" />
    </Link>
  );
}

/** Where the sidebar is folded, only when something waits. */
function NeedsLink() {
  const needs = useNeeds();
  if (!needs) return null;
  return (
    <Link to="/approvals" title={t("nav.needs")} className="tap inline-flex items-center justify-center rounded-md hover:bg-surface">
      <NeedsCount needs={needs} />
    </Link>
  );
}

function Sidebar({ corner, onPalette }: { corner: ReactNode; onPalette: () => void }) {
  const { chat = null } = useParams({ strict: false });
  const path = useRouterState({ select: (state) => state.location.pathname });
  const isChat = path === "/" || path.startsWith("/chats/");
  const navigate = useNavigate();
  const account = useAccount();
  const needs = useNeeds();
  const link = `${ROW} text-ink-2 hover:bg-surface`;
  return (
    <div className="flex h-full flex-col">
      <div className="flex h-13 shrink-0 items-center gap-1 ps-4 pe-2">
        <Link to="/" className="tap flex flex-1 items-center gap-2.5">
          <Mark className="size-5.5" />
          <span className="title text-[18px]">{t("brand")}</span>
        </Link>
        <IconButton label={t("shell.palette")} aria-haspopup="dialog" aria-keyshortcuts="Control+K Meta+K" onClick={onPalette}>
          <Search aria-hidden className="size-4.5" />
        </IconButton>
        <NewChatLink />
        {corner}
      </div>
      <nav aria-label={t("shell.areas")} className="flex flex-col px-2 pt-1 pb-3">
        <Link to="/" activeProps={{}} activeOptions={{ exact: true }} aria-current={isChat ? "page" : undefined} className={`${link} ${isChat ? ROW_OPEN.className : ""}`}>
          <MessageSquare aria-hidden className="size-4.5" />
          {t("nav.chat")}
        </Link>
        <Link to="/approvals" activeProps={ROW_OPEN} className={link}>
          <BellDot aria-hidden className="size-4.5" />
          {t("nav.needs")}
          <NeedsCount needs={needs} />
        </Link>
        <Link to="/chats" activeOptions={{ exact: true, includeSearch: false }} activeProps={ROW_OPEN} className={link}>
          <Library aria-hidden className="size-4.5" />
          {t("chats.all")}
        </Link>
        <Link to="/search" activeOptions={{ includeSearch: false }} activeProps={ROW_OPEN} className={link}>
          <Search aria-hidden className="size-4.5" />
          {t("nav.search")}
        </Link>
        <Link to="/memory" activeProps={ROW_OPEN} className={link}>
          <NotebookText aria-hidden className="size-4.5" />
          {t("nav.memory")}
        </Link>
      </nav>
      <nav aria-label={t("shell.chats")} className="min-h-0 flex-1 overflow-y-auto border-t border-line pt-1">
        <ChatList
          open={chat}
          onGone={() => void navigate({ to: "/" })}
          onInstructions={(folder) => void navigate({ to: "/settings/instructions", search: { folder } })}
          onMade={(made) => void navigate({ to: "/chats/$chat", params: { chat: made.id } })}
          link={(one, children) => (
            <Link to="/chats/$chat" params={{ chat: one.id }} activeProps={{ className: "bg-surface font-medium" }} className="tap flex items-center rounded-md px-2.5 py-1 text-[14.5px] hover:bg-surface *:min-w-0 *:flex-1">
              {children}
            </Link>
          )}
        />
      </nav>
      <div className="border-t border-line p-2 pb-[max(0.5rem,env(safe-area-inset-bottom))]">
        <Link to="/settings" activeProps={ROW_OPEN} className={link}>
          <Settings aria-hidden className="size-4.5" />
          <span className="min-w-0 flex-1">
            <span className="block">{t("nav.settings")}</span>
            <span className="block truncate text-[12.5px] font-normal text-ink-3">{account.name || account.email}</span>
          </span>
        </Link>
      </div>
    </div>
  );
}
