// One file of the memory: its text, and every version it had.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { memory } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { memoryFileQuery, memoryQuery, memoryVersionsQuery } from "../../api/queries";
import type { MemoryVersion } from "../../api/types";
import "../../i18n/memory";
import { type Key, t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { CopyButton } from "../../ui/copy-button";
import { Heading, Section } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";
import { RailEntry } from "../../ui/rail/rail";
import { Skeleton } from "../../ui/skeleton";
import { When } from "../../ui/time";
import { showToast } from "../../ui/toast";

export function MemoryFile({ path, back }: { path: string; back: ReactNode }) {
  const file = useQuery({ ...memoryFileQuery(path), retry: false });
  const isGone = file.isError && problemOf(file.error).status === 404;
  return (
    <>
      <p className="mb-2 text-[14px] text-ink-2">{back}</p>
      <Heading title={path} site={t("brand")} className="title text-[24px] leading-tight break-all" />
      {file.data && (
        <p className="mt-1 text-[13.5px] text-ink-2">
          {t("memory.updated")} <When at={file.data.updated} />
        </p>
      )}
      <div className="mt-5">
        {file.isPending && <Skeleton label={t("loading")} lines={5} />}
        {isGone && <ProblemNotice problem={{ title: t("memory.missing.title"), next_step: t("memory.missing.next") }} />}
        {file.isError && !isGone && <ProblemNotice problem={problemOf(file.error)} />}
        {file.data && (
          <div className="overflow-hidden rounded-lg border border-line bg-surface">
            <div className="flex items-center justify-end border-b border-line px-1.5">
              <CopyButton text={file.data.text} label={t("memory.copy")} isNamed />
            </div>
            <pre tabIndex={0} aria-label={t("memory.content", { path })} className="overflow-x-auto p-4 text-[13.5px] leading-relaxed whitespace-pre-wrap">
              {file.data.text || t("memory.blank")}
            </pre>
          </div>
        )}
      </div>
      <History path={path} current={file.data?.version} />
    </>
  );
}

const AUTHORS: Record<string, Key> = { person: "memory.by.person", assistant: "memory.by.assistant", model: "memory.by.assistant", builtin: "memory.by.builtin", outside: "memory.by.outside" };

function History({ path, current }: { path: string; current?: string }) {
  const versions = useQuery({ ...memoryVersionsQuery(path), retry: false });
  const queries = useQueryClient();
  const restore = useMutation({
    mutationFn: (version: string | null) => memory.restore(path, version),
    onSuccess: (_, version) => {
      const before = current;
      showToast({
        text: t("memory.restored", { path }),
        action: before !== undefined && version !== before ? { label: t("undo"), act: () => restore.mutate(before) } : undefined,
      });
    },
    onSettled: () => queries.invalidateQueries({ queryKey: memoryQuery.queryKey }),
  });
  if (!versions.data?.items.length) return null;
  return (
    <div className="mt-8">
      <Section title={t("memory.history")} hint={t("memory.history.lead")}>
        {restore.error && <ProblemNotice problem={problemOf(restore.error)} className="mb-3" />}
        {versions.data.items.map((version, at) => (
          <RailEntry key={version.id} mark={version.id === current ? "done" : "plain"} isSmall isFirst={at === 0} className="pb-4">
            <Version version={version} isCurrent={version.id === current} isBusy={restore.isPending} onRestore={() => restore.mutate(version.id)} />
          </RailEntry>
        ))}
      </Section>
    </div>
  );
}

function Version({ version, isCurrent, isBusy, onRestore }: { version: MemoryVersion; isCurrent: boolean; isBusy: boolean; onRestore: () => void }) {
  const author = AUTHORS[version.author];
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <div className="min-w-0 flex-1 text-[14.5px]">
        <When at={version.at} /> <span className="text-ink-2">{author ? t(author) : version.author}</span>
        {version.is_deleted && <span className="text-ink-2"> · {t("memory.deleted")}</span>}
        {version.reason && <p className="text-[13.5px] text-ink-2">{version.reason}</p>}
      </div>
      {isCurrent ? (
        <span className="text-[13.5px] text-ink-3">{t("memory.current")}</span>
      ) : (
        !version.is_deleted && <Button isBusy={isBusy} onClick={onRestore}>
          {t("memory.restore")}
        </Button>
      )}
    </div>
  );
}
