// Tokens by day as columns. The table below says the same in numbers, so for a screen reader this is one picture.
import type { UsageEntry } from "../../api/types";
import { t } from "../../i18n/t";
import "../../i18n/usage";
import { calendarDay } from "../../ui/time";
import { count } from "../../ui/quantity";
import { type everyDay, read, tokens } from "./figures";

const HEIGHT = 120;
const STEP = 12;
const WIDTH = 8;

/** What each colour stands for, from the bottom up. */
const PARTS = [
  { label: "usage.output", amount: (row: UsageEntry) => row.output, fill: "fill-(--accent)", box: "bg-accent" },
  { label: "usage.input", amount: (row: UsageEntry) => read(row) - row.cache_read, fill: "fill-(--accent) opacity-60", box: "bg-accent opacity-60" },
  { label: "usage.cache", amount: (row: UsageEntry) => row.cache_read, fill: "fill-(--accent) opacity-25", box: "bg-accent opacity-25" },
] as const;

export function Chart({ days }: { days: ReturnType<typeof everyDay> }) {
  const most = Math.max(1, ...days.map(({ row }) => (row ? tokens(row) : 0)));
  const first = days[0]?.day ?? "";
  const last = days.at(-1)?.day ?? "";
  return (
    <figure className="mb-6">
      <figcaption className="mb-2 flex flex-wrap items-center gap-x-4 gap-y-1 text-[13px] text-ink-2">
        {PARTS.toReversed().map(({ label, box }) => (
          <span key={label} className="flex items-center gap-1.5">
            <span aria-hidden className={`size-2.5 rounded-xs ${box}`} />
            {t(label)}
          </span>
        ))}
        <span className="num ms-auto">{t("usage.chart.most", { tokens: count(most) })}</span>
      </figcaption>
      <svg role="img" aria-label={t("usage.chart")} viewBox={`0 0 ${days.length * STEP} ${HEIGHT + 1}`} preserveAspectRatio="none" className="h-32 w-full">
        {days.map(({ day, row }, at) => row && <Column key={day} row={row} at={at} most={most} />)}
        <line x1="0" x2={days.length * STEP} y1={HEIGHT + 0.5} y2={HEIGHT + 0.5} className="stroke-(--line)" />
      </svg>
      <p aria-hidden className="mt-1 flex justify-between text-[12.5px] text-ink-3">
        <span>{calendarDay(first)}</span>
        <span>{calendarDay(last)}</span>
      </p>
    </figure>
  );
}

function Column({ row, at, most }: { row: UsageEntry; at: number; most: number }) {
  let top = HEIGHT;
  return (
    <g>
      <title>{`${calendarDay(row.day ?? "")}: ${count(tokens(row))}`}</title>
      {PARTS.map(({ label, amount, fill }) => {
        const height = (amount(row) / most) * HEIGHT;
        top -= height;
        return <rect key={label} x={at * STEP + (STEP - WIDTH) / 2} y={top} width={WIDTH} height={height} className={fill} />;
      })}
    </g>
  );
}
