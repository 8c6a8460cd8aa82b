// A conversation of three hundred messages: opened at its last question, read backwards, and addressed message by message.
import { expect, type Page, test } from "@playwright/test";
import { answers, connect, enter, inFreshWorld, isAccessible, isFake, picture, questions, SCHEMES, signIn, world } from "./people";

test.skip(!isFake, "three hundred messages are made by the fake backend");

const items = (page: Page) => page.locator("[data-item]");
const log = (page: Page) => page.getByRole("log");

inFreshWorld(5, async (page) => {
  await enter(page);
  await connect(page);
  await world(page, { history: { title: "The long one", messages: 300 } });
});

async function open(page: Page): Promise<void> {
  await signIn(page);
  await page.goto("/app/");
  await page.getByRole("link", { name: "The long one" }).click();
  await expect(page.getByText("Question 150:")).toBeVisible();
}

/** Where a message stands in the window. */
const place = (page: Page, id: string) => page.locator(`[data-item="${id}"]`).evaluate((one) => one.getBoundingClientRect().top);

test("it opens at the last question, whose top can be seen, with one page of messages", async ({ page }) => {
  await open(page);
  await expect(items(page)).toHaveCount(60);
  const top = await questions(page).last().evaluate((one) => one.getBoundingClientRect().top);
  const edge = await log(page).evaluate((one) => one.getBoundingClientRect().top);
  expect(top).toBeGreaterThanOrEqual(edge);
  expect(top - edge).toBeLessThan(60);
  await picture(page, "long-thread", "light", 1280);
});

test("going up reads the page before, and what is being read stays where it is", async ({ page }) => {
  await open(page);
  for (const shown of [120, 180, 240, 300]) {
    const id = (await items(page).first().getAttribute("data-item")) ?? "";
    await items(page).first().scrollIntoViewIfNeeded();
    await expect(items(page)).toHaveCount(shown);
    await expect.poll(() => place(page, id)).toBeGreaterThan(0);
    expect(await place(page, id)).toBeLessThan(800);
  }
  await expect(page.getByRole("button", { name: "Show older messages" })).toHaveCount(0);
  await expect(page.getByText("Question 1:", { exact: false }).first()).toBeAttached();
  await page.getByRole("button", { name: "Jump to latest" }).click();
  await expect.poll(() => log(page).evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight)).toBeLessThan(60);
  await expect(answers(page).last()).toBeInViewport();
});

test("a message has an address: copied, opened far up, marked, and Back works", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await open(page);
  while ((await items(page).count()) < 300) await items(page).first().scrollIntoViewIfNeeded();
  const far = questions(page).filter({ hasText: "Question 7:" });
  await far.getByRole("button", { name: "Copy a link to this message" }).click();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(link).toMatch(/\/app\/chats\/chat_\w+#msg_\w+$/);

  await page.goto("/app/memory");
  await page.goto(link);
  await expect(far).toBeInViewport();
  const marked = page.locator('[data-item][aria-current="location"]');
  await expect(marked).toHaveCount(1);
  await expect(marked).toContainText("Question 7:");
  await expect(marked).toBeFocused();
  await picture(page, "long-thread-linked", "light", 1280);
  await expect(page.getByRole("button", { name: "Jump to latest" })).toBeVisible();

  await page.getByRole("link", { name: "Memory" }).click();
  await page.goBack();
  await expect(far).toBeInViewport();
});

test("a marked message near the end is clean for axe, light and dark", async ({ page }) => {
  await open(page);
  const id = (await questions(page).last().locator("xpath=..").getAttribute("data-item")) ?? "";
  await page.goto(`${page.url()}#${id}`);
  await expect(page.locator('[data-item][aria-current="location"]')).toContainText("Question 150:");
  for (const scheme of SCHEMES) {
    await page.emulateMedia({ colorScheme: scheme });
    await isAccessible(page, "[aria-current=location]");
    await picture(page, "long-thread-marked", scheme, 1280);
  }
});

test("an address whose message is gone says so and shows the chat", async ({ page }) => {
  await open(page);
  await page.goto(`${page.url()}#msg_gone`);
  await page.reload();
  await expect(page.getByText("The message that the link leads to is not in this chat.")).toBeVisible();
  await expect(items(page)).toHaveCount(60);
});

test("somebody who has to sign in first comes to the message after it", async ({ page, browser }) => {
  await open(page);
  const id = (await items(page).last().getAttribute("data-item")) ?? "";
  const link = `${new URL(page.url()).pathname}#${id}`;
  const later = await (await browser.newContext()).newPage();
  await later.goto(link);
  await later.getByLabel("E-mail").fill("mira@example.com");
  await later.getByLabel("Password", { exact: true }).fill("correct horse battery");
  await later.getByRole("button", { name: "Sign in" }).click();
  await expect(later.locator('[data-item][aria-current="location"]')).toContainText("Answer 150");
  await later.context().close();
});
