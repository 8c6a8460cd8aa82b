// Joins search with its address. The words are content, so they stand in the history of the tab and not in the address.
import { Link, useLocation, useNavigate, useSearch } from "@tanstack/react-router";
import { SearchPage as Search } from "../../features/search/search-page";
import { t } from "../../i18n/t";
import { TopBar } from "../top-bar";

declare module "@tanstack/history" {
  interface HistoryState {
    words?: string;
  }
}

export function SearchPage() {
  const filter = useSearch({ from: "/signed-in/search" });
  const words = useLocation({ select: (location) => location.state.words ?? "" });
  const navigate = useNavigate();
  return (
    <>
      <TopBar title={t("nav.search")} />
      <div className="min-h-0 flex-1 overflow-y-auto">
        <div className="mx-auto max-w-[46rem] px-4 py-6 sm:px-6 lg:py-9">
          <Search
            words={words}
            filter={filter}
            onSearch={(next, search) => void navigate({ to: "/search", search, state: { words: next }, replace: true })}
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
