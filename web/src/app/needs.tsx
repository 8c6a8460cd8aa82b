// How many things wait for the person: beside the navigation on every page, and before the title of the tab.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRouterState } from "@tanstack/react-router";
import { useEffect } from "react";
import { waitingQuery } from "../api/approvals";
import { t } from "../i18n/t";
import { markTitle } from "../ui/page";

export const useNeeds = (): number => useQuery(waitingQuery).data?.items.length ?? 0;

/** Keeps the number: it is asked for again only when the person goes somewhere or comes back to the tab. */
export function WatchNeeds() {
  const queries = useQueryClient();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const needs = useNeeds();
  useEffect(() => {
    const look = () => {
      if (!document.hidden) void queries.refetchQueries({ ...waitingQuery, stale: true, type: "active" });
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [queries, path]);
  useEffect(() => {
    markTitle(needs ? `(${needs}) ` : "");
    return () => markTitle("");
  }, [needs]);
  // Who does not see the card hears of it.
  return (
    <p aria-live="polite" className="sr-only">
      {needs > 0 && t("nav.needs.count", { count: needs })}
    </p>
  );
}

/** The number, in the colour that means "waiting for you". */
export function NeedsCount({ needs }: { needs: number }) {
  if (!needs) return null;
  return (
    <span className="num ms-auto rounded-full border border-wait-line bg-wait-soft px-2 text-[12.5px] font-semibold text-wait">
      <span aria-hidden>{needs}</span>
      <span className="sr-only">{t("nav.needs.count", { count: needs })}</span>
    </span>
  );
}
