// By keyboard: the palette, the single keys and their switch; and drafts that wait for their person.
import { expect, type Page, test } from "@playwright/test";
import { answers, connect, enter, finished, inFreshWorld, isAccessible, isFake, LOOKS, picture, signIn, world, write } from "./people";

const found = (page: Page) => page.getByRole("listbox", { name: "Found" }).getByRole("option");

inFreshWorld(5, async (page) => {
  await enter(page);
  await connect(page);
  for (const text of ["Which venues fit for Lisbon?", "What about João?"]) {
    await page.goto("/app/");
    await write(page, text);
    await expect(finished(page)).toHaveCount(1);
  }
});

test("Ctrl+K finds chats, pages and actions, by keyboard alone, and Escape gives the focus back", async ({ page }) => {
  await enter(page);
  const field = page.getByLabel("Message", { exact: true });
  await field.focus();
  await page.keyboard.press("Control+k");
  const search = page.getByRole("combobox", { name: "Search chats, pages and actions" });
  await expect(search).toBeFocused();
  await expect(found(page).filter({ hasText: "What about João?" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(search).toHaveCount(0);
  await expect(field).toBeFocused();

  await page.keyboard.press("Control+k");
  await search.fill("joao");
  await expect(found(page)).toHaveCount(1);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/app\/chats\//);
  await expect(answers(page)).toHaveCount(1);

  await page.keyboard.press("Control+k");
  await search.fill("theme");
  const options = found(page);
  await expect(options).toHaveCount(3);
  await expect(options.first()).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("ArrowDown");
  await expect(search).toHaveAttribute("aria-activedescendant", (await options.nth(1).getAttribute("id")) ?? "");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  await expect(options.nth(2)).toHaveAttribute("aria-selected", "true");
  await search.fill("dark theme");
  await page.keyboard.press("Enter");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");

  await page.keyboard.press("Control+k");
  await search.fill("walls");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Walls" })).toBeVisible();

  await page.keyboard.press("Control+k");
  await search.fill("zzzz");
  await expect(page.getByText("Nothing is called that.")).toBeVisible();
  await search.fill("");
  await page.evaluate(() => delete document.documentElement.dataset.theme);
  await page.evaluate(() => localStorage.removeItem("theme"));
});

for (const [scheme, width] of LOOKS) {
  test(`the palette and the list of keys are clean for axe, ${scheme}, ${width} px`, async ({ browser }) => {
    const page = await (await browser.newContext({ colorScheme: scheme, viewport: { width, height: 800 }, hasTouch: width < 500 })).newPage();
    await enter(page);
    await page.keyboard.press("Control+k");
    await expect(found(page).first()).toBeVisible();
    await isAccessible(page);
    await picture(page, "palette", scheme, width);
    await page.getByRole("combobox", { name: "Search chats, pages and actions" }).fill("keyboard");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
    await isAccessible(page);
    await picture(page, "shortcuts", scheme, width);
    await page.context().close();
  });
}

test("single keys work outside of fields, are letters inside, and can be switched off", async ({ page }) => {
  await enter(page);
  const field = page.getByLabel("Message", { exact: true });
  await field.press("m");
  await field.press("?");
  await expect(field).toHaveValue("m?");
  await field.fill("");
  await page.getByRole("link", { name: "Which venues" }).click();
  await expect(answers(page)).toHaveCount(1);
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await page.keyboard.press("j");
  await expect(page.locator("[data-item]:focus")).toHaveCount(1);
  await page.keyboard.press("k");
  await expect(page.locator("[data-item]:focus")).toContainText("Which venues");
  await page.keyboard.press("/");
  await expect(field).toBeFocused();
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await page.keyboard.press("m");
  await expect(page.getByRole("heading", { level: 1, name: "Memory" })).toBeVisible();
  await page.keyboard.press("?");
  const sheet = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await expect(sheet).toBeVisible();
  await sheet.getByRole("checkbox", { name: /^Single keys/ }).uncheck();
  await page.keyboard.press("Escape");
  await expect(sheet).toHaveCount(0);
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await page.keyboard.press("n");
  await expect(page).toHaveURL(/\/app\/memory$/);
  await page.reload();
  await expect(page.getByRole("heading", { level: 1, name: "Memory" })).toBeVisible();
  await page.keyboard.press("?");
  await expect(sheet).toHaveCount(0);
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox", { name: "Search chats, pages and actions" })).toBeFocused();
});

test("a draft waits in its own chat, also in another tab, and not for somebody else", async ({ page, context }) => {
  await enter(page);
  await page.getByRole("link", { name: "Which venues" }).click();
  const field = page.getByLabel("Message", { exact: true });
  await expect(answers(page)).toHaveCount(1);
  await field.fill("half a thought about Lisbon");
  await page.getByRole("link", { name: "What about João?" }).click();
  await expect(field).toHaveValue("");
  await page.getByRole("link", { name: "Which venues" }).click();
  await expect(field).toHaveValue("half a thought about Lisbon");
  const second = await context.newPage();
  await second.goto(page.url());
  await expect(second.getByLabel("Message", { exact: true })).toHaveValue("half a thought about Lisbon");
  await second.close();

  // Somebody else's, or a month old: it is dropped.
  const change = (edit: string) => page.evaluate((how) => {
    const all = JSON.parse(localStorage.getItem("drafts") ?? "{}");
    if (how === "other") all.account = "acc_other";
    else for (const draft of Object.values(all.chats) as Array<{ at: number }>) draft.at -= 31 * 86_400_000;
    localStorage.setItem("drafts", JSON.stringify(all));
  }, edit);
  for (const edit of ["other", "old"]) {
    await field.fill("half a thought about Lisbon");
    await change(edit);
    await page.reload();
    await expect(answers(page)).toHaveCount(1);
    await expect(field).toHaveValue("");
    expect(await page.evaluate(() => localStorage.getItem("drafts"))).toBe(null);
  }
  await field.fill("sent now");
  await field.press("Enter");
  await expect(finished(page)).toHaveCount(2);
  expect(await page.evaluate(() => localStorage.getItem("drafts"))).toBe(null);
});

test("a chat that no list has shown yet is found by its name", async ({ page }) => {
  test.skip(!isFake, "so many chats are made by the fake backend");
  await signIn(page);
  await world(page, { chats: 250 });
  await page.goto("/app/");
  await expect(page.getByRole("link", { name: "Chat number 2", exact: true })).toBeAttached();
  await expect(page.getByRole("link", { name: "Chat number 249", exact: true })).toHaveCount(0);
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search chats, pages and actions" }).fill("number 249");
  await expect(found(page)).toHaveCount(1);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/app\/chats\/chat_/);
  await expect(page.getByRole("main").getByText("Chat number 249")).toBeVisible();
});
