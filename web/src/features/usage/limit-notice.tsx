// That a share of a limit is used: once at 50, 80 and 100 %, until it is put away.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Gauge } from "lucide-react";
import { usage } from "../../api/calls";
import { limitsQuery } from "../../api/queries";
import type { LimitNotice as Told } from "../../api/types";
import { type Key, t } from "../../i18n/t";
import "../../i18n/usage";
import { Button } from "../../ui/button";
import { fullTime } from "../../ui/time";

const TITLES: Record<Told["span"], Key> = { day: "usage.notice.day", month: "usage.notice.month", everybody: "usage.notice.everybody" };

export default function LimitNotice({ notice }: { notice: Told }) {
  const queries = useQueryClient();
  const dismiss = useMutation({
    mutationFn: () => usage.dismiss(notice.span, notice.percent),
    onSettled: () => queries.invalidateQueries({ queryKey: limitsQuery.queryKey }),
  });
  return (
    <div role="status" className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-sunken px-3 py-1.5 text-[14px] sm:px-6">
      <Gauge aria-hidden className="size-4.5 shrink-0 text-ink-2 max-sm:hidden" />
      <p className="min-w-0 flex-1 basis-60">
        <span className="font-medium">{t(TITLES[notice.span], { percent: String(notice.percent) })}. </span>
        <span className="text-ink-2">
          {t("usage.notice.resets", { when: fullTime(notice.resets_at) })} {notice.percent === 100 && t("usage.notice.works")}
        </span>
      </p>
      <Button look="bare" isBusy={dismiss.isPending} onClick={() => dismiss.mutate()}>
        {t("usage.notice.dismiss")}
      </Button>
    </div>
  );
}
