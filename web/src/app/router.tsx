// The addresses of the app: the table of contents.
import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, Outlet, redirect } from "@tanstack/react-router";
import type { ComponentType } from "react";
import { problemOf } from "../api/problem";
import { accountQuery, optionsQuery } from "../api/queries";
import type { SearchFilter } from "../api/types";
import { part } from "../ui/part";
import { Failure, PageFailure } from "./failure";

/** A page that comes when somebody goes there. */
const lazyPage = <K extends string>(load: () => Promise<Record<K, ComponentType>>, name: K) => part(async () => (await load())[name], PageFailure);

const root = createRootRouteWithContext<{ queries: QueryClient }>()({ component: Outlet });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>) => ({ next: typeof search.next === "string" && /^\/(?!\/)/.test(search.next) ? search.next : undefined }),
  component: lazyPage(() => import("./pages/auth"), "SignInPage"),
});
const signUp = createRoute({
  getParentRoute: () => root,
  path: "/sign-up",
  // Once an invitation stood here, where servers and logs see it: such a link no longer counts.
  validateSearch: (search: Record<string, unknown>): { invitation?: string } => (search.invitation === undefined ? {} : { invitation: String(search.invitation) }),
  component: lazyPage(() => import("./pages/auth"), "SignUpPage"),
});

/** Everything below needs a session. Where nobody has an account yet, the way leads to making one. */
const signedIn = createRoute({
  getParentRoute: () => root,
  id: "signed-in",
  component: lazyPage(() => import("./shell"), "Shell"),
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queries.ensureQueryData(accountQuery);
    } catch (error) {
      if (problemOf(error).status !== 401) throw error;
      const options = await context.queries.ensureQueryData(optionsQuery).catch(() => null);
      if (options?.sign_up === "first") throw redirect({ to: "/sign-up" });
      const next = location.hash ? `${location.pathname}#${location.hash}` : location.pathname;
      throw redirect({ to: "/sign-in", search: { next: next === "/" ? undefined : next } });
    }
  },
});
const newChat = createRoute({ getParentRoute: () => signedIn, path: "/", component: lazyPage(() => import("./pages/chat"), "NewChatPage") });
const allChats = createRoute({
  getParentRoute: () => signedIn,
  path: "/chats",
  validateSearch: (search: Record<string, unknown>): { archived?: boolean; folder?: string } => ({
    archived: search.archived === true || undefined,
    folder: typeof search.folder === "string" ? search.folder : undefined,
  }),
  component: lazyPage(() => import("./pages/all-chats"), "AllChatsPage"),
});
const search = createRoute({
  getParentRoute: () => signedIn,
  path: "/search",
  validateSearch: (given: Record<string, unknown>): SearchFilter => ({
    chat: typeof given.chat === "string" ? given.chat : undefined,
    role: given.role === "user" || given.role === "assistant" ? given.role : undefined,
    from: day(given.from),
    to: day(given.to),
  }),
  component: lazyPage(() => import("./pages/search"), "SearchPage"),
});
const oldChat = createRoute({ getParentRoute: () => signedIn, path: "/chats/$chat", component: lazyPage(() => import("./pages/chat-open"), "OldChatPage") });
const approvals = createRoute({ getParentRoute: () => signedIn, path: "/approvals", component: lazyPage(() => import("./pages/approvals"), "ApprovalsPage") });
const memory = createRoute({ getParentRoute: () => signedIn, path: "/memory", component: lazyPage(() => import("./pages/memory"), "MemoryPage") });
const memoryFile = createRoute({ getParentRoute: () => signedIn, path: "/memory/files/$", component: lazyPage(() => import("./pages/memory"), "MemoryFilePage") });
const settings = createRoute({ getParentRoute: () => signedIn, path: "/settings", component: lazyPage(() => import("./settings-frame"), "SettingsFrame") });
const settingsStart = createRoute({
  getParentRoute: () => settings,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/settings/profile", replace: true });
  },
});
const profile = createRoute({ getParentRoute: () => settings, path: "/profile", component: lazyPage(() => import("../features/settings/profile"), "ProfilePage") });
const provider = createRoute({ getParentRoute: () => settings, path: "/provider", component: lazyPage(() => import("../features/settings/provider"), "ProviderPage") });
const instructions = createRoute({
  getParentRoute: () => settings,
  path: "/instructions",
  validateSearch: (given: Record<string, unknown>): { folder?: string } => ({ folder: typeof given.folder === "string" ? given.folder : undefined }),
  component: lazyPage(() => import("./pages/instructions"), "InstructionsPage"),
});
const appearance = createRoute({ getParentRoute: () => settings, path: "/appearance", component: lazyPage(() => import("../features/settings/appearance"), "AppearancePage") });
const space = createRoute({ getParentRoute: () => settings, path: "/space", component: lazyPage(() => import("./pages/space"), "SpacePage") });
const sessions = createRoute({ getParentRoute: () => settings, path: "/sessions", component: lazyPage(() => import("../features/settings/sessions"), "SessionsPage") });
const walls = createRoute({ getParentRoute: () => settings, path: "/walls", component: lazyPage(() => import("../features/settings/walls"), "WallsPage") });
const egress = createRoute({
  getParentRoute: () => settings,
  path: "/egress",
  validateSearch: (search: Record<string, unknown>): { days?: number } => ({ days: [7, 90, 365].find((days) => days === Number(search.days)) }),
  component: lazyPage(() => import("./pages/egress"), "EgressPage"),
});
const usage = createRoute({ getParentRoute: () => settings, path: "/usage", component: lazyPage(() => import("../features/usage/usage-page"), "UsagePage") });
const imports = createRoute({ getParentRoute: () => settings, path: "/import", component: lazyPage(() => import("./pages/imports"), "ImportsPage") });
const people = createRoute({ getParentRoute: () => settings, path: "/people", component: lazyPage(() => import("../features/settings/people"), "PeoplePage") });
/** Any other address: the frame stays, and with it the way on. */
const missing = createRoute({ getParentRoute: () => signedIn, path: "$", component: lazyPage(() => import("./pages/missing"), "MissingPage") });

const tree = root.addChildren([
  signIn,
  signUp,
  signedIn.addChildren([newChat, allChats, search, oldChat, approvals, memory, memoryFile, settings.addChildren([settingsStart, profile, provider, instructions, appearance, space, walls, egress, usage, imports, sessions, people]), missing]),
]);

/** A day of the calendar, `2026-11-21`. */
function day(given: unknown): string | undefined {
  return typeof given === "string" && /^\d{4}-\d{2}-\d{2}$/.test(given) && !Number.isNaN(Date.parse(given)) ? given : undefined;
}

export function newRouter(queries: QueryClient) {
  return createRouter({ routeTree: tree, basepath: "/app", context: { queries }, defaultErrorComponent: Failure, defaultPreload: false, defaultPendingMs: 300 });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof newRouter>;
  }
}
