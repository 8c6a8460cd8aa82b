// "Where my data went": per day and host, how many calls and bytes left the person's space, and which hosts are allowed.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useId } from "react";
import "../../i18n/settings";
import { problemOf } from "../../api/problem";
import { egressQuery } from "../../api/queries";
import type { EgressDay } from "../../api/types";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { Figures } from "../../ui/figures";
import { Heading, Section } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";
import { count, dataSize } from "../../ui/quantity";
import { RailEntry } from "../../ui/rail/rail";
import { Skeleton } from "../../ui/skeleton";
import { calendarDay } from "../../ui/time";
import { EgressHosts } from "./egress-hosts";
import { byDay, type Sum, sum, window } from "./egress-sums";

export const RANGES = [7, 30, 90, 365] as const;

interface Props {
  /** How many days are shown; it stands in the address. */
  days: number;
  onDays: (days: number) => void;
}

export function Egress({ days, onDays }: Props) {
  const id = useId();
  return (
    <>
      <Heading title={t("egress.title")} site={t("brand")} />
      <p className="mt-2 mb-6 max-w-[42rem] text-ink-2">{t("egress.lead")}</p>
      <Section title={t("egress.days")} hint={t("egress.days.lead")}>
        <div className="mb-5 flex items-center gap-3">
          <label htmlFor={id} className="text-[14px] font-medium">
            {t("egress.range")}
          </label>
          <select id={id} value={days} onChange={(event) => onDays(Number(event.target.value))} className="tap min-h-9 rounded-md border border-line-strong bg-surface px-2.5 py-1 text-[14.5px]">
            {RANGES.map((range) => (
              <option key={range} value={range}>
                {t("egress.range.days", { days: range })}
              </option>
            ))}
          </select>
        </div>
        <Days key={days} days={days} />
      </Section>
      <EgressHosts />
    </>
  );
}

function Days({ days }: { days: number }) {
  const { from, to } = window(days);
  const list = useInfiniteQuery(egressQuery(from, to));
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  if (list.isPending) return <Skeleton label={t("loading")} lines={5} />;
  if (list.isError && rows.length === 0) {
    return (
      <ProblemNotice problem={problemOf(list.error)}>
        <Button isBusy={list.isFetching} onClick={() => void list.refetch()}>
          {t("failure.again")}
        </Button>
      </ProblemNotice>
    );
  }
  if (rows.length === 0) return <Nothing />;
  return (
    <>
      <Total label={list.hasNextPage ? t("egress.total.partial") : t("egress.total")} of={sum(rows)} />
      {byDay(rows).map(({ day, rows: hosts }, at) => (
        <RailEntry key={day} mark="done" isFirst={at === 0}>
          <Day day={day} rows={hosts} />
        </RailEntry>
      ))}
      {list.isFetchNextPageError && <ProblemNotice problem={problemOf(list.error)} className="mb-3" />}
      {list.hasNextPage && (
        <Button isBusy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {t("egress.more")}
        </Button>
      )}
    </>
  );
}

function Total({ label, of }: { label: string; of: Sum }) {
  const figures = [
    [t("egress.calls"), count(of.calls)],
    [t("egress.refused"), count(of.refused)],
    [t("egress.sent"), dataSize(of.sent)],
    [t("egress.received"), dataSize(of.received)],
  ] as const;
  return <Figures label={label} figures={figures} />;
}

function Day({ day, rows }: { day: string; rows: EgressDay[] }) {
  return (
    <>
      <h3 className="text-[15px] font-medium">
        <time dateTime={day}>{calendarDay(day)}</time>
      </h3>
      <Table label={t("egress.table", { day: calendarDay(day) })} rows={rows} />
    </>
  );
}

const NUMBER = "num py-2 ps-3 text-end whitespace-nowrap";
/** The columns have fixed widths, so that they stand below each other from day to day. */
const HEAD = "w-19 py-1.5 ps-3 text-end font-normal whitespace-nowrap sm:w-24";
const WIDE = "max-sm:hidden";

function Table({ label, rows }: { label: string; rows: EgressDay[] }) {
  return (
    <table aria-label={label} className="mt-1 w-full table-fixed border-collapse text-[14px]">
      <thead>
        <tr className="border-b border-line text-[13px] text-ink-2">
          <th className="py-1.5 text-start font-normal">{t("egress.host")}</th>
          <th className={`${HEAD} ${WIDE}`}>{t("egress.calls")}</th>
          <th className={`${HEAD} ${WIDE}`}>{t("egress.refused")}</th>
          <th className={HEAD}>{t("egress.sent")}</th>
          <th className={HEAD}>{t("egress.received")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.host} className="border-b border-line align-top">
            <th scope="row" className="py-2 text-start font-normal">
              {row.host === "*" ? <span>{t("egress.host.unreadable")}</span> : <span className="font-mono text-[13px]">{row.host}</span>}
              <span className="num block text-[13px] text-ink-2 sm:hidden">{row.refused > 0 ? t("egress.line.refused", { calls: row.calls, refused: count(row.refused) }) : t("egress.line", { calls: row.calls })}</span>
            </th>
            <td className={`${NUMBER} ${WIDE}`}>{count(row.calls)}</td>
            <td className={`${NUMBER} ${WIDE} ${row.refused > 0 ? "font-medium text-bad" : "text-ink-3"}`}>{count(row.refused)}</td>
            <td className={NUMBER}>{dataSize(row.sent)}</td>
            <td className={NUMBER}>{dataSize(row.received)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** An empty page says what an entry would look like. */
function Nothing() {
  return (
    <>
      <p className="font-medium">{t("egress.none")}</p>
      <p className="mt-0.5 mb-3 text-[14.5px] text-ink-2">{t("egress.none.example")}</p>
      <RailEntry mark="plain" isFirst className="pb-0!">
        <p className="text-[14px] text-ink-2">{t("egress.example")}</p>
        <Table label={t("egress.example")} rows={[{ host: "api.anthropic.com", day: "", calls: 12, refused: 0, sent: 48_300, received: 96_100 }]} />
      </RailEntry>
    </>
  );
}
