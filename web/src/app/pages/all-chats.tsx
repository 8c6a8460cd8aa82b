// Joins the page of all chats with its address: the filters stand in it.
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { AllChats } from "../../features/chat/all-chats";
import { t } from "../../i18n/t";
import { TopBar } from "../top-bar";

export function AllChatsPage() {
  const filter = useSearch({ from: "/signed-in/chats" });
  const navigate = useNavigate();
  return (
    <>
      <TopBar title={t("shell.chats")} />
      <div className="min-h-0 flex-1 overflow-y-auto">
        <div className="mx-auto max-w-[46rem] px-4 py-6 sm:px-6 lg:py-9">
          <AllChats
            filter={filter}
            onFilter={(next) => void navigate({ to: "/chats", search: next, replace: true })}
            onGone={() => {}}
            link={(chat, children) => (
              <Link to="/chats/$chat" params={{ chat: chat.id }} className="tap block rounded-md px-2 py-2 hover:bg-sunken">
                {children}
              </Link>
            )}
          />
        </div>
      </div>
    </>
  );
}
