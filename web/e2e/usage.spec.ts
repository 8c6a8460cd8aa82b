// Settings → Usage: the same numbers as a chart, a table and a file; limits and their notices.
import { expect, test } from "@playwright/test";
import { answers, connect, enter, inFreshWorld, isAccessible, isFake, LOOKS, picture, signIn, world, write } from "./people";

test.describe.configure({ mode: "serial" });

inFreshWorld(5);

test("what an answer used stands in every table, the same in each", async ({ page }) => {
  await signIn(page);
  await connect(page);
  await page.goto("/app/");
  await write(page, "Which venues fit for Lisbon?");
  await expect(answers(page).last()).toHaveAttribute("data-status", "complete");
  await page.goto("/app/settings/usage");
  await expect(page.getByText("Nothing is limited for you here.")).toBeVisible();
  await expect(page.getByRole("img", { name: /^Tokens by day/ })).toBeVisible();
  for (const part of ["Read", "From the cache", "Written"]) await expect(page.getByRole("figure").getByText(part, { exact: true })).toBeVisible();
  const written = page.getByRole("table").getByRole("row").nth(1).getByRole("cell").nth(2);
  const amount = await written.textContent();
  expect(amount).toMatch(/^[1-9]/);
  for (const by of ["Model", "What for"]) {
    await page.getByLabel("Show by").selectOption({ label: by });
    await expect(page.getByRole("columnheader", { name: by })).toBeVisible();
    await expect(written).toHaveText(amount ?? "");
  }
  await expect(page.getByRole("link", { name: "Download as CSV" })).toHaveAttribute("href", /by=cause/);
  await isAccessible(page);
});

test("a notice says when the limit begins anew, and is put away", async ({ page }) => {
  test.skip(!isFake, "the installation under test has no plan");
  const resets_at = new Date(Date.now() + 3_600_000).toISOString();
  const items = [{ span: "day", used: 8100, allowance: 10_000, percent: 81, resets_at }];
  await world(page, { limits: { plan: "standard", items, notice: { span: "day", percent: 80, resets_at } } });
  await enter(page);
  const notice = page.getByText("80 % of today’s usage limit is used");
  await expect(notice).toBeVisible();
  for (const [scheme, width] of LOOKS) {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme: scheme });
    await page.goto("/app/settings/usage");
    await expect(notice).toBeVisible();
    await expect(page.getByText("8,100 of 10,000 tokens, 81 %")).toBeVisible();
    await isAccessible(page);
    await picture(page, "settings-usage", scheme, width, true);
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  }
  await page.getByRole("button", { name: "Put away" }).click();
  await expect(notice).toBeHidden();
  await expect(page.getByText("8,100 of 10,000 tokens, 81 %")).toBeVisible();
});
