import { expect, it } from "vitest";
import { dataSize } from "../../ui/quantity";
import { calendarDay } from "../../ui/time";
import { byDay, sum, window } from "./egress-sums";

const row = (day: string, host: string, sent: number) => ({ day, host, calls: 2, refused: 1, sent, received: 10 });

it("the newest day stands first, and in it the host that got most", () => {
  const rows = [row("2026-11-20", "a", 5), row("2026-11-21", "b", 1), row("2026-11-21", "c", 9)];
  expect(byDay(rows).map(({ day, rows: of }) => [day, ...of.map((one) => one.host)])).toEqual([["2026-11-21", "c", "b"], ["2026-11-20", "a"]]);
  expect(sum(rows)).toEqual({ calls: 6, refused: 3, sent: 15, received: 30 });
});

it("a range of days ends today in UTC and includes both ends", () => {
  expect(window(7, new Date("2026-03-03T23:30:00Z"))).toEqual({ from: "2026-02-25", to: "2026-03-03" });
});

it("sizes have at most three digits, and what would round to a thousand is one of the next unit", () => {
  const sizes: Array<[number, string]> = [[0, "0 bytes"], [999, "999 bytes"], [1_234, "1.2 kB"], [99_949, "99.9 kB"], [99_950, "100 kB"], [999_499, "999 kB"], [999_500, "1 MB"], [3_400_000_000, "3.4 GB"], [7e15, "7,000 TB"]];
  expect(sizes.map(([bytes]) => dataSize(bytes))).toEqual(sizes.map(([, words]) => words));
});

it("a day of the calendar is the same in every time zone, and one that cannot be read is shown as it is", () => {
  const now = new Date("2026-12-01T12:00:00Z");
  expect(calendarDay("2026-11-21", now)).toBe("Saturday, November 21");
  expect(calendarDay("2025-01-01", now)).toBe("Wednesday, January 1, 2025");
  expect(calendarDay("soon", now)).toBe("soon");
});
