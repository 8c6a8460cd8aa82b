// Tokens by day as columns. The table below says the same in numbers, so for a screen reader this is one picture.
import { t } from "../../i18n/t";
import "../../i18n/usage";
import { calendarDay } from "../../ui/time";
import { count } from "../../ui/quantity";
import { type everyDay, tokens } from "./figures";

const HEIGHT = 120;
const STEP = 12;
const WIDTH = 8;

export function Chart({ days }: { days: ReturnType<typeof everyDay> }) {
  const most = Math.max(1, ...days.map(({ row }) => (row ? tokens(row) : 0)));
  const height = (amount: number) => (amount / most) * HEIGHT;
  return (
    <svg role="img" aria-label={t("usage.chart")} viewBox={`0 0 ${days.length * STEP} ${HEIGHT + 1}`} preserveAspectRatio="none" className="mb-5 h-32 w-full">
      {days.map(({ day, row }, at) => {
        if (!row) return null;
        const parts = [
          { amount: row.output, className: "fill-(--accent)" },
          { amount: row.input + row.cache_write, className: "fill-(--accent) opacity-60" },
          { amount: row.cache_read, className: "fill-(--accent) opacity-25" },
        ];
        let top = HEIGHT;
        return (
          <g key={day}>
            <title>{`${calendarDay(day)}: ${count(tokens(row))}`}</title>
            {parts.map(({ amount, className }) => {
              top -= height(amount);
              return <rect key={className} x={at * STEP + (STEP - WIDTH) / 2} y={top} width={WIDTH} height={height(amount)} className={className} />;
            })}
          </g>
        );
      })}
      <line x1="0" x2={days.length * STEP} y1={HEIGHT + 0.5} y2={HEIGHT + 0.5} className="stroke-(--line)" />
    </svg>
  );
}
