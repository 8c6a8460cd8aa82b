// What an answer can hold: lists, tables, footnotes, maths and code, read by eye, by keyboard and by copying.
import { expect, test } from "@playwright/test";
import { answers, connect, finished, inFreshWorld, isAccessible, LOOKS, picture, signIn, write } from "./people";

let chat = "";

inFreshWorld(5, async (page) => {
  await signIn(page);
  await connect(page);
  await page.goto("/app/");
  await write(page, "Show me the showcase");
  await expect(finished(page)).toHaveCount(1);
  chat = new URL(page.url()).pathname;
});

test("lists, tasks, footnotes, maths and coloured code are there, and nothing was asked of another host", async ({ page, baseURL }) => {
  const elsewhere: string[] = [];
  const refused: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(`${baseURL}/`)) elsewhere.push(request.url());
  });
  page.on("console", (message) => /Content Security Policy|Refused/i.test(message.text()) && refused.push(message.text()));
  await signIn(page);
  await page.goto(chat);
  const answer = answers(page).last();
  await expect(answer.locator("ul ul ol li")).toHaveCount(2);
  await expect(answer.getByRole("checkbox", { name: "Done" })).toHaveCount(1);
  await expect(answer.locator("li li").getByRole("checkbox", { name: "Open" })).toHaveCount(2);
  await expect(answer.locator("math")).toHaveCount(3);
  await expect(answer.locator("math mfrac")).toHaveCount(2);
  await expect(answer.getByText("It costs $5, not $10.")).toBeVisible();
  await expect(answer.locator("pre", { hasText: "The room, and lunch" }).locator("span.hl-1")).toHaveText("// The room, and lunch for two days");
  await expect(answer.locator("pre", { hasText: "Venue" }).locator("span.hl-3").first()).toHaveText("class");
  await expect(answer.getByLabel("Code in nothing-known").locator("span")).toHaveCount(0);
  await expect(answer.getByText("(host.example)")).toBeVisible();
  await expect(answer.locator("img")).toHaveCount(0);
  expect(await answer.locator("pre").first().innerText()).toContain("  return `${name}: ${total}`;\n}");
  expect(elsewhere).toEqual([]);
  expect(refused).toEqual([]);
});

test("a footnote leads down and back, by keyboard", async ({ page }) => {
  await signIn(page);
  await page.goto(chat);
  const mark = page.getByRole("button", { name: "Footnote 2", exact: true });
  await mark.focus();
  await page.keyboard.press("Enter");
  await expect(page.locator("li:focus")).toContainText("A note may be long");
  await page.getByRole("button", { name: "Back to where footnote 2 is named" }).press("Enter");
  await expect(mark).toBeFocused();
  await expect(page).toHaveURL(new RegExp(`${chat}$`));
});

test("code, table and message are copied, each in its own form", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await signIn(page);
  await page.goto(chat);
  const answer = answers(page).last();
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  const code = answer.getByRole("button", { name: "Copy the code" }).first();
  await code.click();
  await expect(answer.getByRole("button", { name: "Copied" })).toBeVisible();
  await expect(answer.getByRole("status").filter({ hasText: "Copied" })).toHaveCount(1);
  expect(await copied()).toMatch(/^\/\/ The room[\s\S]*\n}$/);
  await answer.getByRole("button", { name: "Copy the table for a spreadsheet" }).click();
  await expect.poll(copied).toBe("Venue\tSeats\tPer day\tFree cancel until\nAtelier Graça\t28\t€940\t19 Nov\nSala Alcântara\t30\t€1,120\t26 Nov\n'=SUM(A1)\t24\t€880\tnone");
  await answer.getByRole("button", { name: "Copy the table as Markdown" }).click();
  await expect.poll(copied).toContain("| :-- | --: | --: | :-- |\n| **Atelier Graça** | 28 |");
  await answer.getByRole("button", { name: "Copy the answer" }).click();
  await expect.poll(copied).toContain("## What an answer can hold");
});

for (const [scheme, width] of LOOKS) {
  test(`all of it is clean for axe and fits, ${scheme}, ${width} px`, async ({ browser }) => {
    const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 800 }, hasTouch: width < 500 });
    const page = await context.newPage();
    await signIn(page);
    await page.goto(chat);
    await expect(page.locator("span.hl-1").first()).toBeAttached();
    await expect(page.locator("math").first()).toBeAttached();
    await isAccessible(page);
    await picture(page, "markdown", scheme, width, true);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    await context.close();
  });
}
