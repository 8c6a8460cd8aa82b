// Settings → "Where my data went": what left, day by day, and which hosts are allowed.
import { expect, test } from "@playwright/test";
import { answers, connect, enter, inFreshWorld, isAccessible, isFake, LOOKS, picture, signIn, world, write } from "./people";

test.describe.configure({ mode: "serial" });

inFreshWorld(5);

test("before anything left, an example stands there; then the calls of today are counted", async ({ page }) => {
  await signIn(page);
  await page.goto("/app/settings/egress");
  await expect(page.getByText("Nothing left your space in these days.")).toBeVisible();
  await expect(page.getByRole("table", { name: "Example" })).toContainText("api.anthropic.com");
  await picture(page, "settings-egress-empty", "light", 1280);
  await connect(page);
  await page.goto("/app/");
  await write(page, "Which venues fit for Lisbon?");
  await expect(answers(page).last()).toHaveAttribute("data-status", "complete");
  await page.goto("/app/settings/egress");
  const table = page.getByRole("table", { name: /^What went out on/ }).first();
  await expect(table).toBeVisible();
  await expect(page.getByText("In total")).toBeVisible();
  await expect(table.getByRole("row").nth(1)).toContainText(/\d+(\.\d)? (bytes|kB)/);
  await isAccessible(page);
});

test("a host is added, a wrong one explained, and one taken away comes back with Undo", async ({ page }) => {
  await signIn(page);
  await page.goto("/app/settings/egress");
  const list = page.getByRole("list", { name: "Allowed hosts" });
  const host = page.getByLabel("Host", { exact: true });
  await host.fill("https://example.org/a/page");
  await page.getByRole("button", { name: "Allow it" }).click();
  await expect(host).toHaveAttribute("aria-invalid", "true");
  await expect(host).toHaveValue("https://example.org/a/page");
  await host.fill("127.0.0.1");
  await host.press("Enter");
  await expect(host).toHaveAttribute("aria-invalid", "true");
  await isAccessible(page);
  await host.fill("example.org");
  await host.press("Enter");
  await expect(page.getByText("example.org is allowed.")).toBeVisible();
  await expect(host).toHaveValue("");
  await expect(list.getByRole("listitem").filter({ hasText: "example.org" })).toContainText("Added by you");
  await list.getByRole("button", { name: "Remove example.org" }).click();
  await expect(list.getByText("example.org")).toHaveCount(0);
  await page.getByRole("button", { name: "Undo", exact: true }).click();
  await expect(page.getByText("example.org is allowed again.")).toBeVisible();
  await expect(list.getByText("example.org")).toBeVisible();
  await page.reload();
  await expect(list.getByText("example.org")).toBeVisible();
});

test("the range stands in the address, older days come on request, and a failure can be tried again", async ({ page }) => {
  test.skip(!isFake, "needs many days");
  await enter(page);
  await world(page, { egress: 60 });
  await page.goto("/app/settings/egress");
  await expect(page.getByText("Of the days shown so far")).toBeVisible();
  await page.getByRole("button", { name: "Show earlier days" }).click();
  await expect(page.getByText("In total")).toBeVisible();
  await page.getByLabel("Shown").selectOption({ label: "Last 7 days" });
  await expect(page).toHaveURL(/egress\?days=7$/);
  await page.reload();
  await expect(page.getByLabel("Shown")).toHaveValue("7");
  await expect(page.getByRole("table", { name: /^What went out on/ })).toHaveCount(7);
  // Three times: the app asks twice more by itself when the server is busy.
  await world(page, { failing: 3 });
  await page.reload();
  await expect(page.getByRole("alert")).toContainText("The counters cannot be read right now.");
  await picture(page, "settings-egress-failed", "light", 1280);
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByText("In total")).toBeVisible();
});

for (const [scheme, width] of LOOKS) {
  test(`looks as it should, ${scheme}, ${width} px`, async ({ browser }) => {
    const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 800 }, hasTouch: width < 500 });
    const page = await context.newPage();
    await world(page, { egress: 6 });
    await signIn(page);
    await page.goto("/app/settings/egress");
    await expect(page.getByRole("list", { name: "Allowed hosts" })).toBeVisible();
    await expect(page.getByText("In total")).toBeVisible();
    await isAccessible(page);
    await picture(page, "settings-egress-filled", scheme, width, true);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    await context.close();
  });
}
