// How far the person's limits are used, and when each begins anew.
import { useQuery } from "@tanstack/react-query";
import { problemOf } from "../../api/problem";
import { limitsQuery } from "../../api/queries";
import type { Limit } from "../../api/types";
import { t } from "../../i18n/t";
import "../../i18n/usage";
import { Section } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";
import { count } from "../../ui/quantity";
import { Skeleton } from "../../ui/skeleton";
import { When } from "../../ui/time";

export function Limits() {
  const limits = useQuery(limitsQuery);
  return (
    <Section title={t("usage.limits")} hint={t("usage.limits.lead")}>
      {limits.isPending && <Skeleton label={t("loading")} />}
      {limits.isError && <ProblemNotice problem={problemOf(limits.error)} />}
      {limits.data?.items.length === 0 && <p className="text-ink-2">{t("usage.limits.none")}</p>}
      {limits.data?.items.map((limit) => <Bar key={limit.span} limit={limit} />)}
    </Section>
  );
}

function Bar({ limit }: { limit: Limit }) {
  const name = limit.span === "month" ? t("usage.limit.month") : t("usage.limit.day");
  const says = t("usage.limit.used", { used: count(limit.used), allowance: count(limit.allowance), percent: limit.percent });
  return (
    <div className="mb-4 max-w-[34rem]">
      <div className="flex flex-wrap items-baseline justify-between gap-x-4">
        <h3 className="text-[14.5px] font-medium">{name}</h3>
        <p className="num text-[14px] text-ink-2">{says}</p>
      </div>
      <progress value={limit.percent} max={100} aria-label={name} className="meter mt-1.5 h-2 w-full" />
      <p className="text-[13.5px] text-ink-2">
        {t("usage.limit.resets")} <When at={limit.resets_at} />
      </p>
    </div>
  );
}
