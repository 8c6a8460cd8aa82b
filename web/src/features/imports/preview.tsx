// What is in a file, before anything is kept: counts, what stays behind, and the chats to choose from.
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { type Import, importChatsQuery, imports, importsQuery } from "../../api/imports";
import { problemOf } from "../../api/problem";
import "../../i18n/imports";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { ProblemNotice } from "../../ui/problem-notice";
import { count } from "../../ui/quantity";
import { Skeleton } from "../../ui/skeleton";
import { dayName } from "../../ui/time";
import { Choice } from "./choice";
import { serviceName } from "./service-name";

export function Preview({ one, discard }: { one: Import; discard: ReactNode }) {
  const list = useInfiniteQuery(importChatsQuery(one.id));
  const { hasNextPage, isFetchingNextPage, isError, fetchNextPage } = list;
  // All titles are needed for finding one of them; they come in pages, so that nothing waits for the last.
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && !isError) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isError, fetchNextPage]);
  const chats = list.data?.pages.flatMap((page) => page.items) ?? [];
  const [except, setExcept] = useState<ReadonlySet<number>>(new Set());
  const queries = useQueryClient();
  const start = useMutation({
    mutationFn: () => imports.start(one.id, [...except]),
    onSettled: () => queries.invalidateQueries({ queryKey: importsQuery.queryKey }),
  });
  const left = one.taken > 0 ? one.wanted - one.taken : one.preview.chats;
  const chosen = left - except.size;
  return (
    <section aria-label={t("imports.preview", { service: serviceName(one.preview.service) })} className="rounded-lg border border-line bg-surface px-4 py-3.5 text-[14.5px]">
      <h3 className="text-[16px] font-semibold">{t("imports.preview", { service: serviceName(one.preview.service) })}</h3>
      {one.problem && <ProblemNotice problem={one.problem} className="my-3" />}
      {one.taken > 0 && <p className="mt-1">{t("imports.partly", { taken: one.taken, wanted: one.wanted })}</p>}
      <Counts of={one.preview} />
      {list.isPending && <Skeleton label={t("loading")} lines={4} />}
      {isError && (
        <ProblemNotice problem={problemOf(list.error)} className="mt-3">
          <Button isBusy={list.isFetching} onClick={() => void (hasNextPage ? fetchNextPage() : list.refetch())}>
            {t("failure.again")}
          </Button>
        </ProblemNotice>
      )}
      {chats.length > 0 && <Choice chats={chats} except={except} onExcept={setExcept} />}
      {start.isError && <ProblemNotice problem={problemOf(start.error)} kept={t("imports.failed.kept")} className="mt-3" />}
      <div className="mt-4 flex flex-wrap gap-2">
        {left > 0 && (
          <Button look="main" disabled={chosen <= 0} isBusy={start.isPending} onClick={() => start.mutate()}>
            {t("imports.start", { chats: Math.max(0, chosen) })}
          </Button>
        )}
        {discard}
      </div>
    </section>
  );
}

function Counts({ of }: { of: Import["preview"] }) {
  const { files, voice, steps } = of.left;
  const behind = [files > 0 && t("imports.left.files", { files }), voice > 0 && t("imports.left.voice", { voice }), steps > 0 && t("imports.left.steps", { steps }), of.unreadable > 0 && t("imports.unreadable", { chats: of.unreadable }), of.empty > 0 && t("imports.empty", { chats: of.empty })].filter((line) => line !== false);
  return (
    <>
      <p className="mt-1">
        {t("imports.counts", { chats: of.chats, messages: count(of.messages) })}
        {of.oldest && of.newest && ` ${t("imports.days", { from: dayName(of.oldest), to: dayName(of.newest) })}`}
      </p>
      {of.known > 0 && <p className="mt-1 text-ink-2">{t("imports.known", { chats: of.known })}</p>}
      {behind.length > 0 && (
        <div className="mt-3">
          <p className="font-medium">{t("imports.left")}</p>
          <ul className="list-disc ps-5 text-ink-2">
            {behind.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </div>
      )}
      <p className="mt-3 text-ink-2">{t("imports.outside")}</p>
    </>
  );
}
