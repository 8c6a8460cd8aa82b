// Sums over what was used, for the page of usage.
import type { UsageEntry } from "../../api/types";

export type Figures = Pick<UsageEntry, "input" | "output" | "cache_read" | "cache_write" | "calls">;

export interface Total extends Figures {
  ownCalls: number;
  /** Millionths of a dollar; null where a part has no known price, or nothing was paid. */
  cost: number | null;
}

/** Everything that a model read: new, from the cache, and into it. */
export const read = (of: Figures): number => of.input + of.cache_read + of.cache_write;

export const tokens = (of: Figures): number => read(of) + of.output;

/** How much of what was read came from the cache, 0 to 1; null where nothing was read. */
export const hitRate = (of: Figures): number | null => (read(of) === 0 ? null : of.cache_read / read(of));

export function total(rows: readonly UsageEntry[]): Total {
  const sum = (name: keyof Figures) => rows.reduce((all, row) => all + row[name], 0);
  const paid = rows.filter((row) => (row.own_calls ?? 0) > 0);
  const isKnown = paid.length > 0 && paid.every((row) => row.cost_micro_usd != null);
  return {
    input: sum("input"),
    output: sum("output"),
    cache_read: sum("cache_read"),
    cache_write: sum("cache_write"),
    calls: sum("calls"),
    ownCalls: paid.reduce((all, row) => all + (row.own_calls ?? 0), 0),
    cost: isKnown ? paid.reduce((all, row) => all + (row.cost_micro_usd ?? 0), 0) : null,
  };
}

/** The first day of the last so many, as the server counts days. */
export const since = (days: number, now = new Date()): string => new Date(now.getTime() - (days - 1) * 86_400_000).toISOString().slice(0, 10);

/** One entry for each day up to today, also for those on which nothing was used. */
export function everyDay(rows: readonly UsageEntry[], days: number, now = new Date()): Array<{ day: string; row: UsageEntry | null }> {
  const known = new Map(rows.map((row) => [row.day, row]));
  return Array.from({ length: days }, (_, at) => {
    const day = since(days - at, now);
    return { day, row: known.get(day) ?? null };
  });
}
