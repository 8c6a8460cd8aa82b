// Joins search with its address. The words are content: they stand in the memory of this tab, which is emptied when the
// session ends, and neither in the address nor in the history, where whoever signs in next would find them.
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useLocation, useNavigate, useSearch } from "@tanstack/react-router";
import { SearchPage as Search } from "../../features/search/search-page";
import { t } from "../../i18n/t";
import { TopBar } from "../top-bar";

declare module "@tanstack/history" {
  interface HistoryState {
    /** Which of the searches of this tab. */
    asked?: string;
  }
}

/** What one search looks for. */
const wordsQuery = (asked: string) => queryOptions({ queryKey: ["words", asked], queryFn: () => "", staleTime: Number.POSITIVE_INFINITY, gcTime: Number.POSITIVE_INFINITY });

export function SearchPage() {
  const filter = useSearch({ from: "/signed-in/search" });
  const asked = useLocation({ select: (location) => location.state.asked ?? "" });
  const queries = useQueryClient();
  const { data: words = "" } = useQuery(wordsQuery(asked));
  const navigate = useNavigate();
  return (
    <>
      <TopBar title={t("nav.search")} />
      <div className="min-h-0 flex-1 overflow-y-auto">
        <div className="mx-auto max-w-[46rem] px-4 py-6 sm:px-6 lg:py-9">
          <Search
            words={words}
            filter={filter}
            onSearch={(next, search) => {
              const one = crypto.randomUUID();
              queries.setQueryData(wordsQuery(one).queryKey, next);
              void navigate({ to: "/search", search, state: { asked: one }, replace: true });
            }}
            link={(found, children) => (
              <Link to="/chats/$chat" params={{ chat: found.chat }} hash={found.message} className="tap block rounded-sm px-1 py-3 hover:bg-sunken">
                {children}
              </Link>
            )}
          />
        </div>
      </div>
    </>
  );
}
