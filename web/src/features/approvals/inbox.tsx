// Everything that waits for the person, from all chats, and what was answered.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { decidedQuery, waitingQuery } from "../../api/approvals";
import { problemOf } from "../../api/problem";
import type { Approval } from "../../api/types";
import "../../i18n/approvals";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { Heading } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";
import { Skeleton } from "../../ui/skeleton";
import ApprovalCard from "./card";

interface Props {
  link: (approval: Approval, children: ReactNode) => ReactNode;
}

export function Inbox({ link }: Props) {
  const waiting = useQuery({ ...waitingQuery, staleTime: 0 });
  const decided = useInfiniteQuery(decidedQuery);
  /** What was answered on this page stays where it was until the person leaves. */
  const [here, setHere] = useState<readonly Approval[]>([]);
  const isHere = (approval: Approval) => here.some(({ id }) => id === approval.id);
  const shown = [...here, ...(waiting.data?.items ?? []).filter((approval) => !isHere(approval))].sort((a, b) => b.opened.localeCompare(a.opened));
  const answered = decided.data?.pages.flatMap((page) => page.items).filter((approval) => !isHere(approval)) ?? [];
  const origin = (approval: Approval) => link(approval, t("approvals.in", { chat: approval.chat_title || t("chat.untitled") }));
  return (
    <>
      <Heading title={t("approvals.title")} site={t("brand")} />
      <p className="mt-2 max-w-[42rem] text-[15px] text-ink-2">{t("approvals.lead")}</p>
      <div className="mt-6 flex flex-col gap-4">
        {waiting.isPending && <Skeleton label={t("loading")} lines={4} />}
        {waiting.isError && <ProblemNotice problem={problemOf(waiting.error)} kept={t("approvals.kept")} />}
        {shown.map((approval) => (
          <ApprovalCard key={approval.id} approval={approval} origin={origin(approval)} onAnswered={(one) => setHere((before) => [...before.filter(({ id }) => id !== one.id), one])} />
        ))}
        {waiting.data?.items.length === 0 && (
          <div className="rounded-lg border border-line p-4">
            <p className="font-medium">{t("approvals.none")}</p>
            <p className="mt-1 text-[14.5px] text-ink-2">{t("approvals.example")}</p>
          </div>
        )}
      </div>
      {answered.length > 0 && (
        <section aria-label={t("approvals.decided")} className="mt-8 border-t border-line pt-5">
          <h2 className="text-[16px] font-semibold">{t("approvals.decided")}</h2>
          <ul className="mt-3 flex flex-col gap-2">
            {answered.map((approval) => (
              <li key={approval.id}>
                <ApprovalCard approval={approval} origin={origin(approval)} />
              </li>
            ))}
          </ul>
          {decided.hasNextPage && (
            <Button className="mt-3" isBusy={decided.isFetchingNextPage} onClick={() => void decided.fetchNextPage()}>
              {t("approvals.more")}
            </Button>
          )}
        </section>
      )}
    </>
  );
}
