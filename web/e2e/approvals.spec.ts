// Approval requests: the card in the chat and under "Needs you", the number beside the navigation, and what becomes of it.
import { expect, type Page, test } from "@playwright/test";
import { answers, connect, enter, finished, inFreshWorld, isAccessible, isFake, picture, SCHEMES, WIDTHS, write } from "./people";

test.describe.configure({ mode: "serial" });

inFreshWorld(5);

const card = (page: Page) => page.getByRole("region", { name: "Needs you" });

async function asks(page: Page, text: string): Promise<void> {
  await page.goto("/app/");
  await write(page, text);
  await expect(card(page)).toBeVisible();
}

test("the same call three times asks; the number stands beside the navigation and in the title; yes lets it go on", async ({ page, context }) => {
  await enter(page);
  await connect(page);
  await asks(page, "Look again and again");
  await expect(card(page)).toContainText("Look at the clock");
  await expect(card(page)).toContainText("It keeps asking for the same thing. Let it go on?");
  await expect(page).toHaveTitle(/^\(1\) /);
  await expect(page.getByRole("link", { name: "Needs you 1 waits for you" })).toBeVisible();
  // Nothing is said to be at work, and one may talk on.
  await expect(page.getByRole("button", { name: "Stop" })).toHaveCount(0);

  const phone = await context.newPage();
  await phone.setViewportSize({ width: 390, height: 800 });
  await phone.goto("/app/approvals");
  await expect(card(phone)).toContainText("Look at the clock");
  await expect(phone.getByRole("button", { name: "Open navigation, 1 waits for you" })).toBeVisible();

  await card(page).getByRole("button", { name: "Approve" }).focus();
  await page.keyboard.press("Enter");
  await expect(card(page)).toHaveCount(0);
  await expect(finished(page)).toContainText("You approved this");
  await expect(finished(page)).toContainText("It is late.");
  await expect(page).not.toHaveTitle(/^\(/);

  // The other device comes too late and is told so.
  await card(phone).getByRole("button", { name: "Don’t" }).click();
  await expect(phone.getByText(/already approved by you/)).toBeVisible();
  await expect(card(phone)).toHaveCount(0);
  await phone.reload();
  await expect(phone.getByText("Nothing needs you.")).toBeVisible();
  await expect(phone.getByRole("region", { name: "Answered" })).toContainText("Look at the clock");
  await phone.getByRole("link", { name: /In “/ }).click();
  await expect(finished(phone)).toContainText("It is late.");
});

test("a no with its reason is a quiet line, and the answer goes on", async ({ page }) => {
  await enter(page);
  await asks(page, "Look again and again");
  await card(page).getByRole("button", { name: "Say why" }).click();
  await expect(page.getByLabel("Reason")).toBeFocused();
  await page.getByLabel("Reason").fill("I have a watch");
  await card(page).getByRole("button", { name: "Don’t" }).click();
  await expect(finished(page)).toContainText("You said no: Look at the clock · “I have a watch”");
  await expect(finished(page)).toContainText("It is late.");
  await page.reload();
  await expect(finished(page)).toContainText("“I have a watch”");
});

test("while a request waits, the same chat goes on", async ({ page }) => {
  await enter(page);
  await asks(page, "Look again and again");
  await write(page, "Which venues fit?");
  await expect(finished(page)).toHaveCount(1);
  await expect(card(page)).toBeVisible();
  await page.reload();
  await expect(card(page)).toBeVisible();
  await card(page).getByRole("button", { name: "Approve" }).click();
  await expect(finished(page)).toHaveCount(2);
  await expect(answers(page).first()).toContainText("It is late.");
});

test("lines are taken out, and words are changed before they are agreed to", async ({ page }) => {
  // Nothing of the real thing brings words from outside into a chat yet.
  test.skip(!isFake);
  await enter(page);
  await asks(page, "Note the page");
  await expect(card(page)).toContainText("Words from outside came in here: A message in this chat");
  await card(page).getByRole("checkbox").nth(1).uncheck();
  await expect(card(page).getByRole("button", { name: "Approve 1 of 2" })).toBeVisible();
  await card(page).getByRole("button", { name: "Change the words" }).click();
  await card(page).getByRole("textbox", { name: "Text" }).fill("# Venues\n\n- Atelier Graça\n");
  await card(page).getByRole("button", { name: "Approve as changed" }).click();
  await expect(finished(page)).toContainText("You approved 1 of 2");
  await page.goto("/app/memory/files/venues.md");
  await expect(page.getByText("Atelier Graça")).toBeVisible();
  await expect(page.getByText("28 seats")).toHaveCount(0);
});

for (const scheme of SCHEMES) {
  for (const width of WIDTHS) {
    test(`a waiting request is clean for axe, ${scheme}, ${width} px`, async ({ browser }) => {
      const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 800 }, hasTouch: width < 500 });
      const page = await context.newPage();
      await enter(page);
      await asks(page, isFake ? "Note the page" : "Look again and again");
      await card(page).getByRole("button", { name: "Say why" }).click();
      await isAccessible(page);
      await picture(page, "approval-card", scheme, width, true);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
      await page.goto("/app/approvals");
      await expect(card(page).first()).toBeVisible();
      await isAccessible(page);
      await picture(page, "approvals", scheme, width, true);
      // The next one begins with nothing that waits.
      await card(page).first().getByRole("button", { name: "Don’t" }).click();
      await expect(page.getByText("Nothing needs you.")).toBeVisible();
      await context.close();
    });
  }
}
