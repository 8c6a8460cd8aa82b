// Usage: tokens by day, chat, model and what they were for, as a chart, a table and a file; and the person's limits.
import { useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useId, useState } from "react";
import { usage } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { usageQuery } from "../../api/queries";
import type { UsageBy, UsageEntry } from "../../api/types";
import { type Key, locale, t } from "../../i18n/t";
import "../../i18n/usage";
import { Button, buttonClass } from "../../ui/button";
import { Figures } from "../../ui/figures";
import { Heading, Section } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";
import { count, money } from "../../ui/quantity";
import { Skeleton } from "../../ui/skeleton";
import { calendarDay } from "../../ui/time";
import { Chart } from "./chart";
import { everyDay, hitRate, read, since, tokens, total } from "./figures";
import { Limits } from "./limits";

const RANGES = [7, 30, 90, 365] as const;
const WAYS: Array<{ by: UsageBy; label: Key }> = [
  { by: "day", label: "usage.by.day" },
  { by: "session", label: "usage.by.session" },
  { by: "model", label: "usage.by.model" },
  { by: "cause", label: "usage.by.cause" },
];
const SELECT = "tap min-h-9 rounded-md border border-line-strong bg-surface px-2.5 py-1 text-[14.5px]";

const percent = (share: number) => new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 }).format(share);

export function UsagePage() {
  const [days, setDays] = useState<number>(30);
  const [by, setBy] = useState<UsageBy>("day");
  const [range, way] = [useId(), useId()];
  return (
    <>
      <Heading title={t("settings.usage")} site={t("brand")} />
      <p className="mt-2 mb-6 max-w-[42rem] text-ink-2">{t("usage.lead")}</p>
      <Limits />
      <Section title={t("usage.used")}>
        <div className="mb-5 flex flex-wrap items-center gap-3">
          <span className="flex items-center gap-3">
            <label htmlFor={range} className="text-[14px] font-medium">
              {t("usage.range")}
            </label>
            <select id={range} value={days} onChange={(event) => setDays(Number(event.target.value))} className={SELECT}>
              {RANGES.map((one) => (
                <option key={one} value={one}>
                  {t("usage.range.days", { days: one })}
                </option>
              ))}
            </select>
          </span>
          <span className="flex items-center gap-3">
            <label htmlFor={way} className="text-[14px] font-medium">
              {t("usage.by")}
            </label>
            <select id={way} value={by} onChange={(event) => setBy(event.target.value as UsageBy)} className={SELECT}>
              {WAYS.map((one) => (
                <option key={one.by} value={one.by}>
                  {t(one.label)}
                </option>
              ))}
            </select>
          </span>
          <a href={usage.csvUrl(by, since(days))} download className={buttonClass("plain", "ms-auto")}>
            <Download aria-hidden className="size-4" />
            {t("usage.csv")}
          </a>
        </div>
        <Used by={by} days={days} />
      </Section>
    </>
  );
}

function Used({ by, days }: { by: UsageBy; days: number }) {
  const list = useQuery(usageQuery(by, since(days)));
  if (list.isPending) return <Skeleton label={t("loading")} lines={5} />;
  if (list.isError) {
    return (
      <ProblemNotice problem={problemOf(list.error)}>
        <Button isBusy={list.isFetching} onClick={() => void list.refetch()}>
          {t("failure.again")}
        </Button>
      </ProblemNotice>
    );
  }
  const rows = list.data.items;
  if (rows.length === 0) return <p className="text-ink-2">{t("usage.none")}</p>;
  return (
    <>
      <Sum rows={rows} />
      {by === "day" && <Chart days={everyDay(rows, days)} />}
      <Table rows={by === "day" ? rows.toReversed() : rows} by={by} />
    </>
  );
}

function Sum({ rows }: { rows: UsageEntry[] }) {
  const all = total(rows);
  const hits = hitRate(all);
  const figures = [
    [t("usage.tokens"), count(tokens(all))],
    [t("usage.calls"), count(all.calls)],
    [t("usage.hit_rate"), hits === null ? "–" : percent(hits)],
    ...(all.ownCalls > 0 ? [[t("usage.cost"), all.cost === null ? t("usage.cost.unknown") : money(all.cost)] as const] : []),
  ] as const;
  return (
    <Figures label={t("usage.total")} figures={figures}>
      {all.ownCalls > 0 && <p className="mt-2 text-[13px] text-ink-2">{t("usage.cost.lead")}</p>}
    </Figures>
  );
}

function Table({ rows, by }: { rows: UsageEntry[]; by: UsageBy }) {
  const hasMoney = rows.some((row) => (row.own_calls ?? 0) > 0);
  const names = [t("usage.input"), t("usage.cache"), t("usage.output"), t("usage.calls"), ...(hasMoney ? [t("usage.cost")] : [])];
  const way = WAYS.find((one) => one.by === by);
  return (
    // A table that is wider than a narrow screen is moved by itself, also with the keyboard.
    <div role="region" aria-label={way && t(way.label)} tabIndex={0} className="overflow-x-auto">
      <table className="w-full border-collapse text-[14px]">
        <thead>
          <tr className="border-b border-line text-start text-[13px] text-ink-2">
            <th scope="col" className="py-2 pe-3 text-start font-normal">
              {way && t(way.label)}
            </th>
            {names.map((name) => (
              <th key={name} scope="col" className="py-2 ps-3 text-end font-normal whitespace-nowrap">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.day ?? row.chat ?? `${row.provider} ${row.model} ${row.cause}`} className="border-b border-line">
              <th scope="row" className="max-w-64 truncate py-2 pe-3 text-start font-normal">
                {nameOf(row, by)}
              </th>
              {[count(read(row) - row.cache_read), count(row.cache_read), count(row.output), count(row.calls)].map((figure, at) => (
                <td key={names[at]} className="num py-2 ps-3 text-end whitespace-nowrap">
                  {figure}
                </td>
              ))}
              {hasMoney && <td className="num py-2 ps-3 text-end whitespace-nowrap">{paid(row)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function paid(row: UsageEntry): string {
  if (!row.own_calls) return "";
  return row.cost_micro_usd == null ? t("usage.cost.unknown") : money(row.cost_micro_usd);
}

function nameOf(row: UsageEntry, by: UsageBy): string {
  if (by === "day") return calendarDay(row.day ?? "");
  if (by === "model") return row.model ?? "";
  if (by === "cause") return nameOfCause(row.cause ?? "");
  return row.chat ? row.title || t("usage.untitled") : t("usage.gone");
}

function nameOfCause(cause: string): string {
  if (cause === "turn") return t("usage.cause.turn");
  return cause === "summary" ? t("usage.cause.summary") : cause;
}
