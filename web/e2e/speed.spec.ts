// Speed, counted: a machine that is busy changes times, never how much work is done. The times are printed beside what
// they should be.
import { expect, type Page, test } from "@playwright/test";
import { answers, connect, enter, inFreshWorld, isFake, world, write } from "./people";

test.skip(!isFake, "the long answer and the long chat are made by the fake backend");
// A trace copies the whole page at every step, in the very thread whose time is measured.
test.use({ trace: "off" });

interface Watched {
  frames: number;
  batches: number;
  touchedAgain: number;
  long: number[];
}

/** Watches the page from now on: frames, batches of changes, changes of blocks that were finished, and long tasks. */
async function watch(page: Page): Promise<void> {
  await page.evaluate(() => {
    const seen = { frames: 0, batches: 0, touchedAgain: 0, long: [] as number[] };
    Object.assign(window, { seen });
    const count = () => {
      seen.frames += 1;
      requestAnimationFrame(count);
    };
    requestAnimationFrame(count);
    new PerformanceObserver((list) => seen.long.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask" });
    const log = document.querySelector("[role=log]");
    if (!log) return;
    // Looking costs time as well, so it goes straight to the last message and to what is new in it.
    const finished = new WeakSet<Element>();
    let last: Element | null = null;
    let known = 0;
    new MutationObserver((changes) => {
      seen.batches += 1;
      for (const change of changes) {
        const at = change.target instanceof Element ? change.target : change.target.parentElement;
        const block = at?.closest(".md > .md-block");
        // Colours come later, from the worker.
        if (block && finished.has(block) && !at?.closest("code")) seen.touchedAgain += 1;
      }
      // A block before the last one is finished from the next batch on.
      const text = log.firstElementChild?.lastElementChild?.querySelector(".md") ?? null;
      if (text !== last) known = 0;
      last = text;
      const blocks = text?.children ?? [];
      for (; known < blocks.length - 1; known++) finished.add(blocks[known] as Element);
    }).observe(log, { subtree: true, childList: true, characterData: true });
  });
}

/** Until the last message is a whole answer; asked seldom, because looking costs time as well. */
async function untilAnswered(page: Page, messages: number): Promise<void> {
  const isAnswered = (count: number) => {
    const list = document.querySelector("[role=log]")?.firstElementChild;
    const last = list?.lastElementChild?.querySelector("article");
    return list !== null && list !== undefined && list.childElementCount >= count && last?.dataset.role === "assistant" && last.dataset.status === "complete";
  };
  await page.waitForFunction(isAnswered, messages, { polling: 400, timeout: 240_000 });
}

const watched = (page: Page): Promise<Watched> => page.evaluate(() => (window as unknown as { seen: Watched }).seen);

async function metrics(page: Page) {
  const client = await page.context().newCDPSession(page);
  await client.send("Performance.enable");
  return async () => {
    const { metrics: all } = await client.send("Performance.getMetrics");
    const of = (name: string) => all.find((one) => one.name === name)?.value ?? 0;
    return { script: of("ScriptDuration"), style: of("RecalcStyleDuration"), layout: of("LayoutDuration"), styles: of("RecalcStyleCount"), layouts: of("LayoutCount"), nodes: of("Nodes") };
  };
}

function report(what: string, numbers: Record<string, number | string>): void {
  console.log(`${what}: ${Object.entries(numbers).map(([name, value]) => `${name} ${typeof value === "number" ? Math.round(value * 100) / 100 : value}`).join(", ")}`);
}

inFreshWorld(5, async (page) => {
  await enter(page);
  await connect(page);
  await world(page, { history: { title: "The long one", messages: 300 } });
});

test("ten thousand tokens: a finished block is never drawn again, and nothing is drawn more often than frames pass", async ({ page }) => {
  test.setTimeout(300_000);
  await enter(page);
  await write(page, "What time is it?");
  await expect(answers(page)).toHaveAttribute("data-status", "complete");
  await world(page, { speed: 1 });
  await watch(page);
  const read = await metrics(page);
  const before = await read();
  await write(page, "ten thousand please");
  await untilAnswered(page, 4);
  const after = await read();
  const seen = await watched(page);
  const letters = (await answers(page).last().locator(".md").first().textContent())?.length ?? 0;
  report("ten thousand tokens", {
    letters,
    "script s (at most 2)": after.script - before.script,
    "style s": after.style - before.style,
    "layout s": after.layout - before.layout,
    "long tasks over 100 ms (none)": seen.long.filter((one) => one > 100).length,
    "longest task ms": Math.max(0, ...seen.long),
    frames: seen.frames,
    "batches of changes": seen.batches,
    "finished blocks touched again": seen.touchedAgain,
  });
  expect(letters).toBeGreaterThan(25_000);
  expect(seen.touchedAgain).toBe(0);
  // One batch a frame, and a few for the answers of the worker and the buttons.
  expect(seen.batches).toBeLessThanOrEqual(seen.frames * 1.2 + 150);
});

test("three hundred messages: those far away are not laid out, and one more message changes no other", async ({ page }) => {
  test.setTimeout(300_000);
  await enter(page);
  const read = await metrics(page);
  const start = await read();
  await page.getByRole("link", { name: "The long one" }).click();
  const items = page.locator("[data-item]");
  await expect(items).toHaveCount(60);
  const opened = await read();
  for (const shown of [120, 180, 240, 300]) {
    await items.first().scrollIntoViewIfNeeded();
    await expect(items).toHaveCount(shown);
  }
  await page.getByRole("button", { name: "Jump to latest" }).click();
  await expect(answers(page).last()).toBeInViewport();
  await watch(page);
  await page.evaluate(() => {
    const before = new Set([...document.querySelectorAll("[data-item]")].slice(0, -4));
    Object.assign(window, { changedBefore: 0 });
    new MutationObserver((changes) => {
      for (const { target } of changes) {
        const item = (target instanceof Element ? target : target.parentElement)?.closest("[data-item]");
        if (item && item !== target && before.has(item)) (window as unknown as { changedBefore: number }).changedBefore += 1;
      }
    }).observe(document.querySelector("[role=log]") as Element, { subtree: true, childList: true, characterData: true });
  });
  const all = await read();
  await world(page, { speed: 5 });
  await write(page, "Which venues fit?");
  await untilAnswered(page, 302);
  const after = await read();
  const seen = await watched(page);
  const skipped = await items.evaluateAll((all) => all.filter((item) => !item.checkVisibility({ contentVisibilityAuto: true }) || !item.firstElementChild?.checkVisibility({ contentVisibilityAuto: true })).length);
  report("three hundred messages", {
    "opening: script s": opened.script - start.script,
    "reading all: script s": all.script - opened.script,
    "one answer more: script s": after.script - all.script,
    "style s": after.style - all.style,
    "layout s": after.layout - all.layout,
    "long tasks over 100 ms (none)": seen.long.filter((one) => one > 100).length,
    "longest task ms": Math.max(0, ...seen.long),
    "not laid out": skipped,
    nodes: after.nodes,
  });
  expect(skipped).toBeGreaterThan(250);
  expect(await page.evaluate(() => (window as unknown as { changedBefore: number }).changedBefore)).toBe(0);
});
