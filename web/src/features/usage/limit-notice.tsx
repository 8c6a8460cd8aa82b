// That a share of a limit is used: once at 50, 80 and 100 %, until it is put away.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { usage } from "../../api/calls";
import { limitsQuery } from "../../api/queries";
import type { LimitNotice as Told } from "../../api/types";
import { type Key, t } from "../../i18n/t";
import "../../i18n/usage";
import { Button } from "../../ui/button";
import { Notice } from "../../ui/notice";
import { fullTime } from "../../ui/time";

const TITLES: Record<Told["span"], Key> = { day: "usage.notice.day", month: "usage.notice.month", everybody: "usage.notice.everybody" };

export default function LimitNotice({ notice }: { notice: Told }) {
  const queries = useQueryClient();
  const dismiss = useMutation({
    mutationFn: () => usage.dismiss(notice.span, notice.percent),
    onSettled: () => queries.invalidateQueries({ queryKey: limitsQuery.queryKey }),
  });
  const resets = t("usage.notice.resets", { when: fullTime(notice.resets_at) });
  return (
    <div role="status" className="border-b border-line px-3 py-2 sm:px-6">
      <Notice title={t(TITLES[notice.span], { percent: String(notice.percent) })} lines={[resets, notice.percent === 100 && t("usage.notice.works")]}>
        <Button isBusy={dismiss.isPending} onClick={() => dismiss.mutate()}>
          {t("usage.notice.dismiss")}
        </Button>
      </Notice>
    </div>
  );
}
