// The names under which server state is kept in this tab, and how it is asked for.
import { infiniteQueryOptions, QueryClient, queryOptions } from "@tanstack/react-query";
import { account, auth, chats, egress, folders, instructions, memory, people, provider, search, space, usage } from "./calls";
import { problemOf } from "./problem";
import type { Chat, ChatFilter, SearchFilter, UsageBy } from "./types";

/** Nothing is asked for again on its own: a question to a sleeping assistant would wake it. */
export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        retry: (count, error) => {
          const { status } = problemOf(error);
          return count < 2 && (status === 0 || status >= 502);
        },
      },
    },
  });
}

export const optionsQuery = queryOptions({ queryKey: ["auth", "options"], queryFn: auth.options });
export const accountQuery = queryOptions({ queryKey: ["account"], queryFn: account.get, staleTime: Number.POSITIVE_INFINITY });
export const sessionsQuery = queryOptions({ queryKey: ["account", "sessions"], queryFn: account.sessions, staleTime: 0 });
/** A list of chats, page by page. All lists stand below `["chats", "list"]`. */
export const chatListQuery = (wanted: ChatFilter = {}) =>
  infiniteQueryOptions({
    queryKey: ["chats", "list", wanted],
    queryFn: ({ pageParam }) => chats.list(wanted, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  });
/** Every chat that there is, also those put away: for whoever looks for one by its name. */
export const everyChatQuery = queryOptions({ queryKey: ["chats", "every"], queryFn: ({ signal }) => everyChat(signal), staleTime: 0, gcTime: 0 });
async function everyChat(signal: AbortSignal): Promise<Chat[]> {
  const all: Chat[] = [];
  for (const archived of [undefined, true]) {
    let cursor: string | undefined;
    do {
      const page = await chats.list({ archived }, cursor);
      all.push(...page.items);
      cursor = page.next ?? undefined;
    } while (cursor && !signal.aborted);
  }
  return all;
}
export const searchQuery = (words: string, filter: SearchFilter) =>
  infiniteQueryOptions({
    queryKey: ["search", words, filter],
    queryFn: ({ pageParam }) => search(words, filter, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    staleTime: 0,
    gcTime: 60_000,
  });
export const instructionsQuery = (folder?: string) => queryOptions({ queryKey: ["instructions", "given", folder ?? ""], queryFn: () => instructions.get(folder), staleTime: 0 });
export const previewQuery = (folder: string | undefined, timezone: string) =>
  queryOptions({ queryKey: ["instructions", "preview", folder ?? "", timezone], queryFn: () => instructions.preview(folder, timezone), staleTime: 0 });
export const foldersQuery = queryOptions({ queryKey: ["folders"], queryFn: folders.list });
export const chatQuery = (id: string) => queryOptions({ queryKey: ["chats", id], queryFn: () => chats.get(id) });
export const contextQuery = (id: string) => queryOptions({ queryKey: ["chats", id, "context"], queryFn: () => chats.context(id) });
export const providerQuery = queryOptions({ queryKey: ["provider"], queryFn: provider.get });
export const spaceQuery = queryOptions({ queryKey: ["space"], queryFn: space.get, staleTime: 0 });
export const egressQuery = (from: string, to: string) =>
  infiniteQueryOptions({
    queryKey: ["egress", "days", from, to],
    queryFn: ({ pageParam }) => egress.days(from, to, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    staleTime: 0,
  });
export const egressHostsQuery = queryOptions({ queryKey: ["egress", "hosts"], queryFn: egress.hosts, staleTime: 0 });
export const usageQuery = (by: UsageBy, from: string) => queryOptions({ queryKey: ["usage", by, from], queryFn: () => usage.list(by, from), staleTime: 0 });
/** The gateway answers this by itself: no assistant wakes for it. */
export const limitsQuery = queryOptions({ queryKey: ["limits"], queryFn: usage.limits });
export const peopleQuery = infiniteQueryOptions({
  queryKey: ["installation", "people"],
  queryFn: ({ pageParam }) => people.list(pageParam),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => page.next ?? undefined,
  staleTime: 0,
});
export const installationQuery = queryOptions({ queryKey: ["installation"], queryFn: people.installation });
export const invitationsQuery = queryOptions({ queryKey: ["invitations"], queryFn: people.invitations, staleTime: 0 });
export const memoryQuery = queryOptions({ queryKey: ["memory"], queryFn: memory.list, staleTime: 0 });
export const memoryFileQuery = (path: string) =>
  queryOptions({ queryKey: ["memory", path], queryFn: () => memory.read(path), staleTime: 0 });
export const memoryVersionsQuery = (path: string) =>
  queryOptions({ queryKey: ["memory", path, "versions"], queryFn: () => memory.versions(path), staleTime: 0 });
