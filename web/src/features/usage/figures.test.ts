import { describe, expect, it } from "vitest";
import type { UsageEntry } from "../../api/types";
import { everyDay, hitRate, since, tokens, total } from "./figures";

const entry = (more: Partial<UsageEntry> = {}): UsageEntry => ({ input: 100, output: 10, cache_read: 300, cache_write: 0, calls: 1, ...more });

describe("figures of usage", () => {
  it("adds up every kind of token once", () => {
    expect(tokens(entry({ cache_write: 5 }))).toBe(415);
    expect(total([entry(), entry({ output: 20, calls: 3 })])).toMatchObject({ input: 200, output: 30, cache_read: 600, calls: 4 });
  });
  it("tells how much came from the cache, and nothing where nothing was read", () => {
    expect(hitRate(entry())).toBe(0.75);
    expect(hitRate(entry({ input: 0, cache_read: 0 }))).toBeNull();
  });
  it("names an amount only if the price of everything that the own key paid is known", () => {
    expect(total([entry()]).cost).toBeNull();
    expect(total([entry(), entry({ own_calls: 1, cost_micro_usd: 7 })])).toMatchObject({ cost: 7, ownCalls: 1 });
    expect(total([entry({ own_calls: 1, cost_micro_usd: 7 }), entry({ own_calls: 2 })])).toMatchObject({ cost: null, ownCalls: 3 });
  });
  it("has a place for each day, over the end of a month too", () => {
    const now = new Date("2026-03-02T12:00:00Z");
    const days = everyDay([entry({ day: "2026-02-28" })], 4, now);
    expect(days.map(({ day, row }) => [day, row !== null])).toEqual([
      ["2026-02-27", false],
      ["2026-02-28", true],
      ["2026-03-01", false],
      ["2026-03-02", false],
    ]);
    expect(since(1, now)).toBe("2026-03-02");
  });
});
