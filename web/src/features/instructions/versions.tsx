// Earlier versions of instructions: how many are kept, and having them forgotten.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { instructions } from "../../api/calls";
import { problemOf } from "../../api/problem";
import "../../i18n/settings";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { ProblemNotice } from "../../ui/problem-notice";
import { showToast } from "../../ui/toast";

export function Versions({ folder }: { folder: string | undefined }) {
  const [isAsking, setAsking] = useState(false);
  const queries = useQueryClient();
  const key = ["instructions", "versions", folder ?? ""];
  const kept = useQuery({ queryKey: key, queryFn: () => instructions.versions(folder), staleTime: 0 });
  const forget = useMutation({
    mutationFn: () => instructions.forgetVersions(folder),
    onSuccess: () => {
      setAsking(false);
      void queries.invalidateQueries({ queryKey: key });
      showToast({ text: t("instructions.earlier.gone") });
    },
  });
  const earlier = Math.max(0, (kept.data?.items.length ?? 0) - 1);
  if (earlier === 0) return null;
  return (
    <div className="mt-4 flex max-w-[42rem] flex-wrap items-center gap-3 text-[14px] text-ink-2">
      <span>{t("instructions.earlier", { count: earlier })}</span>
      <Button onClick={() => setAsking(true)}>{t("instructions.earlier.forget")}</Button>
      <Dialog isOpen={isAsking} title={t("instructions.earlier.title")} confirm={t("instructions.earlier.do")} cancel={t("cancel")} isBusy={forget.isPending} onConfirm={() => forget.mutate()} onClose={() => setAsking(false)}>
        <p>{t("instructions.earlier.text")}</p>
        {forget.error && <ProblemNotice problem={problemOf(forget.error)} className="mt-3" />}
      </Dialog>
    </div>
  );
}
