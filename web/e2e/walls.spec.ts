// Settings → Walls: what stands around the person's space, and trying it.
import { expect, type Page, test } from "@playwright/test";
import { inFreshWorld, isAccessible, isFake, LOOKS, picture, signIn, world } from "./people";

test.describe.configure({ mode: "serial" });

inFreshWorld(5);

const entries = (page: Page) => page.getByRole("list", { name: "What was tried" }).locator("[data-outcome]");

async function open(page: Page): Promise<void> {
  await signIn(page);
  await page.goto("/app/settings/walls");
  await expect(page.getByRole("heading", { name: "The single walls" })).toBeVisible();
}

test("the level is said in words, and each wall with what it keeps out", async ({ page }) => {
  await open(page);
  await expect(page.getByText(/^\d+ of \d+ walls are up\.$/)).toBeVisible();
  const walls = page.locator("[data-wall]");
  expect(await walls.count()).toBeGreaterThan(10);
  await expect(page.locator('[data-wall="network_namespace"]')).toContainText("No network");
  // Nothing is left to a colour: each wall says a word, and nothing is an unexplained name.
  for (const text of await walls.allInnerTexts()) expect(text).toMatch(/(Up|Missing)$/);
  expect(await page.getByRole("main").innerText()).not.toMatch(/\b[a-z]+_[a-z_]+\b/);
});

test("before the first test stands an example; then each attempt appears, and the numbers at the end", async ({ page }) => {
  await open(page);
  await expect(page.getByText("Not tested since this page was opened.")).toBeVisible();
  await page.getByRole("button", { name: "Test my walls" }).click();
  await expect(entries(page).first()).toBeVisible();
  const summary = page.getByText(/^\d+ tried, \d+ refused/).last();
  await expect(summary).toBeVisible();
  await expect(page.getByRole("status").filter({ hasText: /^\d+ tried, \d+ refused/ })).toHaveCount(1);
  const [, tried, refused] = /^(\d+) tried, (\d+) refused/.exec(await summary.innerText()) ?? [];
  expect(Number(tried)).toBeGreaterThan(5);
  expect(await page.locator('[data-outcome="refused"]').count()).toBe(Number(refused));
  expect(await page.locator('[data-outcome="refused"], [data-outcome="succeeded"]').count()).toBe(Number(tried));
  await expect(page.getByRole("button", { name: "Test again" })).toBeVisible();
  await isAccessible(page);
});

test("by keyboard: begin, stop, begin again; leaving ends the request", async ({ page }) => {
  await open(page);
  await world(page, { walls: { between: 120 } });
  const button = page.getByRole("button", { name: "Test my walls" });
  await button.focus();
  await page.keyboard.press("Enter");
  if (isFake) {
    await expect(entries(page).nth(1)).toBeVisible();
    const stop = page.getByRole("button", { name: "Stop the test" });
    await expect(stop).toBeFocused();
    await page.keyboard.press("Enter");
    await expect(page.getByText(/^You stopped the test after \d+ attempts?\.$/).last()).toBeVisible();
    const kept = await entries(page).count();
    expect(kept).toBeGreaterThan(1);
    await page.keyboard.press("Enter");
    await expect(entries(page).nth(1)).toBeVisible();
  }
  // The real test is soon over, so that only the slow one is surely still at work.
  const ended = isFake ? page.waitForEvent("requestfailed", (request) => request.url().endsWith("/walls/test")) : null;
  await page.getByRole("link", { name: "Appearance" }).click();
  await expect(page.getByRole("heading", { name: "Appearance" })).toBeVisible();
  await ended;
  await world(page, { walls: {} });
});

test("what went through is said in amber, with what to do next", async ({ page }) => {
  test.skip(!isFake, "depends on what the machine allows");
  await open(page);
  await world(page, { level: "user_namespace" });
  await page.reload();
  await expect(page.getByText("A user namespace", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Test my walls" }).click();
  await expect(page.getByText("18 tried, 11 refused, 7 went through").last()).toBeVisible();
  await expect(page.getByText("1 could not be tried on this machine.")).toBeVisible();
  await expect(page.getByText("ally doctor")).toBeVisible();
  await expect(page.locator('[data-outcome="succeeded"]').first()).toContainText("Went through");
  await world(page, { level: "own_user" });
});

test("a broken connection keeps what was tried, and a refusal says why", async ({ page }) => {
  test.skip(!isFake, "the real stream is cut in the test of a lost connection");
  await open(page);
  await world(page, { walls: { hold_after: 5 } });
  await page.getByRole("button", { name: "Test my walls" }).click();
  await expect(entries(page)).toHaveCount(5);
  await world(page, { cut: true });
  await expect(page.getByRole("alert")).toContainText("The test broke off after 5 attempts.");
  await expect(page.getByRole("alert")).toContainText("What was tried stays below.");
  await expect(entries(page)).toHaveCount(5);
  await picture(page, "settings-walls-broken", "light", 1280);
  await world(page, { walls: { refuse: true } });
  await page.getByRole("button", { name: "Test again" }).click();
  await expect(page.getByRole("alert")).toContainText("A test of your walls is running already.");
  await expect(page.getByRole("alert")).toContainText("Nothing was tried.");
  await isAccessible(page);
  await world(page, { walls: {} });
});

for (const [scheme, width] of LOOKS) {
  test(`looks as it should after a test, ${scheme}, ${width} px`, async ({ browser }) => {
    const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 800 }, hasTouch: width < 500 });
    const page = await context.newPage();
    for (const level of isFake ? ["full", "user_namespace"] : [""]) {
      await world(page, { level: level || "own_user" });
      await open(page);
      await page.getByRole("button", { name: "Test my walls" }).click();
      await expect(page.getByRole("button", { name: "Test again" })).toBeVisible();
      await isAccessible(page);
      await picture(page, `settings-walls-tested${level && `-${level}`}`, scheme, width, true);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    }
    await context.close();
  });
}
