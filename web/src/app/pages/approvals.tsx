// Joins the page of approval requests with the chats that they come from.
import { Link } from "@tanstack/react-router";
import { Inbox } from "../../features/approvals/inbox";
import { t } from "../../i18n/t";
import { TopBar } from "../top-bar";

export function ApprovalsPage() {
  return (
    <>
      <TopBar title={t("nav.needs")} />
      <div className="min-h-0 flex-1 overflow-y-auto">
        <div className="mx-auto max-w-[46rem] px-4 py-6 sm:px-6 lg:py-9">
          <Inbox
            link={(approval, children) => (
              <Link to="/chats/$chat" params={{ chat: approval.chat }} hash={approval.message} className="rounded-sm underline underline-offset-2 hover:text-ink">
                {children}
              </Link>
            )}
          />
        </div>
      </div>
    </>
  );
}
