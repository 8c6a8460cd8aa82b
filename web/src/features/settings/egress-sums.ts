// Sums over what went out.
import type { EgressDay } from "../../api/types";

export type Sum = Pick<EgressDay, "calls" | "refused" | "sent" | "received">;

export function sum(rows: readonly Sum[]): Sum {
  return rows.reduce((all, row) => ({ calls: all.calls + row.calls, refused: all.refused + row.refused, sent: all.sent + row.sent, received: all.received + row.received }), { calls: 0, refused: 0, sent: 0, received: 0 });
}

/** The rows of each day together, newest day first; within a day, who got most stands first. */
export function byDay(rows: readonly EgressDay[]): Array<{ day: string; rows: EgressDay[] }> {
  const days = new Map<string, EgressDay[]>();
  for (const row of rows) days.set(row.day, [...(days.get(row.day) ?? []), row]);
  return [...days]
    .map(([day, of]) => ({ day, rows: of.sort((a, b) => b.sent - a.sent || b.calls - a.calls || a.host.localeCompare(b.host)) }))
    .sort((a, b) => b.day.localeCompare(a.day));
}

/** The last days up to today, as the server counts them: from and to, both included. */
export function window(days: number, now = new Date()): { from: string; to: string } {
  const day = (back: number) => new Date(now.getTime() - back * 86_400_000).toISOString().slice(0, 10);
  return { from: day(days - 1), to: day(0) };
}
