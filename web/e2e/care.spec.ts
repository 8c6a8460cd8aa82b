// What a person expects without saying so: nothing typed is lost, everything works by keyboard and for screen readers.
import { expect, type Page, test } from "@playwright/test";
import { newLine } from "./line";
import { answers, connect, enter, finished, inFreshWorld, isAccessible, isFake, LOOKS, pace, picture, signIn, world, write } from "./people";

test.describe.configure({ mode: "serial" });

const PAGES = ["", "memory", "memory/files/notes.md", "approvals", "settings/profile", "settings/provider", "settings/appearance", "settings/space", "settings/walls", "settings/egress", "settings/usage", "settings/sessions", "settings/people", "nowhere"];

inFreshWorld(10, async (page) => {
  await enter(page);
  await expect(page.getByRole("heading", { name: "No AI provider is connected" })).toBeVisible();
  await picture(page, "first-without-provider", "light", 1280);
  await write(page, "Remember that my sister is called Ana");
  await expect(finished(page)).toHaveCount(1);
  await connect(page);
  await page.goto("/app/");
  await write(page, "Which venues fit for Lisbon?");
  await expect(finished(page)).toHaveCount(1);
});

/** The pages that the platform writes, without any script. The fake backend has none of them. */
const PUBLIC = isFake ? [] : ["/", "/legal/privacy", "/legal/cookies", "/legal/terms", "/changelog", "/docs", "/docs/no-such-page"];

const isTooWide = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

for (const [scheme, width] of LOOKS) {
  test(`every page is clean for axe, ${scheme}, ${width} px, and nothing is wider than the window`, async ({ browser }) => {
    test.setTimeout(300_000);
    const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 800 }, hasTouch: width < 500 });
    const page = await context.newPage();
    for (const path of PUBLIC) {
      await page.goto(path);
      await isAccessible(page);
      await page.screenshot({ path: `test-results/pictures/real/public-${path.slice(1).replaceAll("/", "-") || "landing"}-${scheme}-${width}.png`, fullPage: true });
      expect(await isTooWide(page), path).toBeLessThanOrEqual(0);
    }
    for (const path of ["sign-in", "sign-up"]) {
      await page.goto(`/app/${path}`);
      await page.waitForLoadState("networkidle");
      await isAccessible(page);
      await picture(page, path, scheme, width);
    }
    await enter(page);
    const chats = page.getByRole("navigation", { name: "Chats" });
    if (width < 500) await page.getByRole("button", { name: "Open navigation" }).click();
    await chats.getByRole("link").first().click();
    await expect(finished(page)).toHaveCount(1);
    await isAccessible(page);
    await picture(page, "chat", scheme, width);
    // Before the real thing once is enough: that each page comes and fits.
    for (const path of isFake || width < 500 ? PAGES : []) {
      await page.goto(`/app/${path}`);
      await page.waitForLoadState("networkidle");
      await isAccessible(page);
      await picture(page, path || "first", scheme, width, true);
      expect(await isTooWide(page), path).toBeLessThanOrEqual(0);
    }
    await context.close();
  });
}

test("a chosen theme is there before the first paint, without inline code", async ({ page }) => {
  await signIn(page);
  await page.goto("/app/settings/appearance");
  await page.getByRole("radio", { name: /^Dark/ }).check();
  await page.reload();
  const first = await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  expect(first).toBe("dark");
  await page.getByRole("radio", { name: /^Auto/ }).check();
  expect(await page.evaluate(() => localStorage.getItem("theme"))).toBe(null);
});

test("a draft survives a reload, and a failed send keeps the text and sends it once", async ({ page, context }) => {
  await enter(page);
  const field = page.getByLabel("Message", { exact: true });
  await field.fill("Half a thou");
  await page.reload();
  await expect(field).toHaveValue("Half a thou");
  await context.setOffline(true);
  await field.press("Enter");
  await expect(page.getByRole("alert")).toContainText("Your text is kept below. It is not sent yet.");
  await expect(field).toHaveValue("Half a thou");
  await context.setOffline(false);
  if (isFake) {
    await world(page, { unavailable: 1 });
    await field.press("Enter");
    await expect(page.getByRole("alert")).toContainText("Your assistant did not answer.");
    await expect(page.getByRole("alert")).toContainText("Request req_01FAKE");
  }
  await field.press("Enter");
  await expect(page.locator('article[data-role="user"]')).toHaveCount(1);
  await expect(field).toHaveValue("");
});

test("Shift+Enter breaks the line, and Enter of an input method does not send", async ({ page }) => {
  await enter(page);
  const field = page.getByLabel("Message", { exact: true });
  await field.fill("one");
  await field.press("Shift+Enter");
  await field.pressSequentially("two");
  await expect(field).toHaveValue("one\ntwo");
  await field.dispatchEvent("keydown", { key: "Enter", isComposing: true, keyCode: 229, bubbles: true });
  await expect(field).toHaveValue("one\ntwo");
  await field.fill("");
});

test("a lost connection is shown quietly, and what was missed arrives", async ({ browser }) => {
  const line = await newLine();
  const context = await browser.newContext({ proxy: { server: line.address } });
  const page = await context.newPage();
  try {
    await enter(page);
    await world(page, { speed: 40 });
    await write(page, "A long one please");
    await expect(answers(page).last()).toContainText("Paragraph 2");
    line.cut();
    await expect(page.getByText("Reconnecting")).toBeVisible();
    await picture(page, "chat-reconnecting", "light", 1280);
    // What was written stays on the page meanwhile.
    await expect(answers(page).last()).toContainText("Paragraph 2");
    line.mend();
    await expect(page.getByText("Reconnecting")).toHaveCount(0);
    await world(page, { speed: 2 });
    await expect(answers(page).last()).toHaveAttribute("data-status", "complete");
    const text = await answers(page).last().innerText();
    expect(text.match(/Paragraph \d+ goes/g)).toHaveLength(40);
    expect(new Set(text.match(/Paragraph \d+ goes/g)).size).toBe(40);
    await expect(answers(page)).toHaveCount(1);
    await world(page, { speed: 10 });
  } finally {
    await context.close();
    await line.close();
  }
});

test("the view follows only at the end, and there is a way back to it", async ({ page }) => {
  await signIn(page);
  await connect(page);
  await page.goto("/app/");
  await world(page, { speed: 25 });
  await write(page, "A long one please");
  await expect(answers(page).last()).toContainText("Paragraph 9");
  const log = page.getByRole("log");
  await log.hover();
  await page.mouse.wheel(0, -400);
  const jump = page.getByRole("button", { name: "Jump to latest" });
  await expect(jump).toBeVisible();
  const top = await log.evaluate((box) => box.scrollTop);
  await expect(answers(page).last()).toContainText("Paragraph 14");
  expect(Math.abs((await log.evaluate((box) => box.scrollTop)) - top)).toBeLessThan(3);
  await jump.click();
  await expect(jump).toBeHidden();
  await world(page, { speed: 3 });
  await expect(answers(page).last()).toHaveAttribute("data-status", "complete");
  expect(await log.evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight)).toBeLessThan(60);
});

test("by keyboard alone: skip link, chat, menu, Escape, rename", async ({ page }) => {
  await signIn(page);
  await page.goto("/app/memory");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("#content")).toBeFocused();
  const menu = page.getByRole("button", { name: /^Actions for/ }).first();
  await menu.focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menuitem", { name: "Rename" })).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("menuitem").nth(1)).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(menu).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menuitem", { name: "Rename" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Name of the chat")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.getByLabel("Name of the chat")).toHaveCount(0);
  await expect(menu).toBeFocused();
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Move to a folder" }).press("Enter");
  await expect(page.getByRole("dialog", { name: /^Move/ })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog", { name: /^Move/ })).toHaveCount(0);
  await expect(menu).toBeFocused();
});

test("a part that cannot be loaded says so in its place, takes nothing that was typed, and comes at another try", async ({ page }) => {
  await enter(page);
  await page.getByRole("navigation", { name: "Chats" }).getByRole("link").first().click();
  await expect(finished(page)).toHaveCount(1);
  const field = page.getByLabel("Message", { exact: true });
  await field.fill("half a thought");
  const isLost = /\/assets\/(question-editor|memory)-/;
  await page.route(isLost, (route) => route.abort());
  await page.getByRole("button", { name: "Edit the message" }).click();
  const notice = page.getByText("This part could not be loaded. What you typed is kept.");
  await expect(notice).toBeVisible();
  await isAccessible(page);
  await expect(field).toHaveValue("half a thought");
  await page.getByRole("link", { name: "Memory" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "This page cannot be shown" })).toBeVisible();
  await expect(page.getByRole("navigation", { name: "Areas" })).toBeVisible();
  await page.goBack();
  await page.getByRole("button", { name: "Edit the message" }).click();
  await expect(notice).toBeVisible();
  await page.unroute(isLost);
  await page.getByRole("button", { name: "Try again" }).first().click();
  await expect(page.getByLabel("Your message, edited")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(field).toHaveValue("half a thought");
  await field.fill("");
});

test("on a phone: what can be undone can be undone from the drawer, and everything fits while an answer runs", async ({ browser }) => {
  const context = await browser.newContext({ viewport: { width: 390, height: 800 }, hasTouch: true });
  const page = await context.newPage();
  await signIn(page);
  await connect(page);
  await page.goto("/app/");
  await pace(page, 60);
  await write(page, "A long one please");
  await expect(answers(page).last()).toContainText("Paragraph");
  const field = page.getByLabel("Message", { exact: true });
  await field.fill("And what about Porto, in the second week of December?");
  const boxes = await Promise.all([field, page.getByLabel("Thinking time"), page.getByRole("button", { name: "Stop", exact: true }), page.getByRole("button", { name: "Send" })].map((one) => one.boundingBox()));
  for (const [at, box] of boxes.entries()) {
    expect(box, String(at)).not.toBeNull();
    if (!box) continue;
    expect(box.x).toBeGreaterThanOrEqual(0);
    expect(box.x + box.width).toBeLessThanOrEqual(390);
    expect(box.height).toBeGreaterThanOrEqual(36);
    for (const other of boxes.slice(at + 1)) if (other) expect(box.x + box.width <= other.x + 1 || other.x + other.width <= box.x + 1 || box.y + box.height <= other.y + 1 || other.y + other.height <= box.y + 1, String(at)).toBe(true);
  }
  expect(boxes[0]?.width).toBeGreaterThan(280);
  await picture(page, "chat-running", "light", 390);
  await page.emulateMedia({ colorScheme: "dark" });
  await isAccessible(page);
  await picture(page, "chat-running", "dark", 390);
  await field.fill("");
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await expect(answers(page).last()).toHaveAttribute("data-status", "stopped");
  await pace(page, 10);

  await page.getByRole("button", { name: "Open navigation" }).click();
  const drawer = page.getByRole("dialog", { name: "Navigation" });
  const before = await drawer.getByRole("navigation", { name: "Chats" }).getByRole("listitem").count();
  await drawer.getByRole("button", { name: /^Actions for/ }).last().click();
  await page.getByRole("menuitem", { name: "Archive" }).click();
  await drawer.getByRole("button", { name: "Undo", exact: true }).click();
  await expect(drawer.getByRole("navigation", { name: "Chats" }).getByRole("listitem")).toHaveCount(before);
  await context.close();
});

test("nothing but what is listed is kept in the browser, and signing out forgets the drafts", async ({ page }) => {
  await enter(page);
  await page.getByLabel("Message", { exact: true }).fill("secret draft");
  const kept = await page.evaluate(() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)]);
  for (const key of kept) expect(["theme", "sidebar", "drafts", "shortcuts"]).toContain(key);
  await page.goto("/app/settings/profile");
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  expect(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).not.toContain("secret draft");
});

test("every word comes from the catalogue, and longer words fit", async ({ page }) => {
  await enter(page);
  for (const path of ["", "memory", "settings/profile", "settings/people", "settings/space", "settings/walls", "settings/egress", "settings/usage", "settings/import", "nowhere"]) {
    await page.goto(`/app/${path}?locale=pseudo`);
    await expect(page.getByRole("heading", { level: 1 })).toContainText("⟦");
    expect(await isTooWide(page), path).toBeLessThanOrEqual(0);
  }
});
