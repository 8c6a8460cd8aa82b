// A write to the memory, as the Markdown file it is, with a way back.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { FileText, Undo2 } from "lucide-react";
import type { ReactNode } from "react";
import { memory } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { memoryFileQuery, memoryVersionsQuery } from "../../api/queries";
import type { FileVersion } from "../../api/types";
import "../../i18n/memory";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { ProblemNotice } from "../../ui/problem-notice";
import { Skeleton } from "../../ui/skeleton";

interface Props {
  file: FileVersion;
  /** Its name without the folder that all of them stand in. */
  path: string;
  fileLink: (path: string) => ReactNode;
}

export default function MemoryNote({ file, path, fileLink }: Props) {
  const queries = useQueryClient();
  const shown = useQuery({ ...memoryFileQuery(path), retry: false });
  const undo = useMutation({
    mutationFn: async () => {
      const { items } = await memory.versions(path);
      const at = items.findIndex((version) => version.id === file.version);
      await memory.restore(path, items[at + 1]?.id ?? null);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["memory"] }),
  });
  const redo = useMutation({
    mutationFn: () => memory.restore(path, file.version),
    onSuccess: () => undo.reset(),
    onSettled: () => queries.invalidateQueries({ queryKey: ["memory"] }),
  });
  const problem = undo.error ?? redo.error;
  const isGone = shown.isError && problemOf(shown.error).status === 404;
  // A file that is gone may have been deleted by this very call: then undo brings it back.
  const versions = useQuery({ ...memoryVersionsQuery(path), enabled: isGone, retry: false });
  const isNewest = isGone ? versions.data?.items[0]?.id === file.version : shown.data?.version === file.version;
  const isChangedSince = shown.data && shown.data.version !== file.version && !undo.isSuccess;

  return (
    <div className="mt-2 overflow-hidden rounded-lg border border-line bg-surface">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-3 py-1">
        <FileText aria-hidden className="size-4 text-ink-3" />
        <span className="min-w-0 flex-1 font-mono text-[12.5px] text-ink-2">{path}</span>
        {fileLink(path)}
        {undo.isSuccess ? (
          <Button look="bare" isBusy={redo.isPending} onClick={() => redo.mutate()}>
            {t("memory.put_back")}
          </Button>
        ) : (
          isNewest && (
            <Button look="bare" isBusy={undo.isPending} icon={<Undo2 aria-hidden className="size-4" />} onClick={() => undo.mutate()}>
              {t("memory.undo")}
            </Button>
          )
        )}
      </div>
      {shown.isPending && (
        <div className="px-3">
          <Skeleton label={t("loading")} lines={2} />
        </div>
      )}
      {isGone && <p className="px-3 py-2.5 text-[14px] text-ink-2">{undo.isSuccess ? t("memory.undone.gone") : t("memory.gone")}</p>}
      {shown.isError && !isGone && <ProblemNotice problem={problemOf(shown.error)} className="m-2" />}
      {shown.data && !isGone && (
        <pre tabIndex={0} aria-label={t("memory.content", { path })} className="max-h-60 overflow-auto px-3 py-2.5 text-[13px] leading-relaxed whitespace-pre-wrap">
          {shown.data.text}
        </pre>
      )}
      <p role="status" className="px-3 text-[13px] text-ink-2 not-empty:pb-2">
        {undo.isSuccess && !isGone ? t("memory.undone") : isChangedSince ? t("memory.changed_since") : ""}
      </p>
      {problem && <ProblemNotice problem={problemOf(problem)} kept={t("memory.undo.kept")} className="m-2" />}
    </div>
  );
}
