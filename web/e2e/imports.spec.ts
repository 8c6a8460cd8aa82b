// Settings → Bring your chats: looked at first, then imported, found, and removed together.
import { expect, type Page, test } from "@playwright/test";
import { answers, connect, enter, inFreshWorld, isAccessible, isFake, picture, questions, SCHEMES, WIDTHS, world, write } from "./people";

test.describe.configure({ mode: "serial" });

inFreshWorld(5);

/** A conversation as Claude writes it. */
function conversation(at: number) {
  const day = `2024-03-${String((at % 28) + 1).padStart(2, "0")}`;
  const said = (number: number, sender: string, text: string) => ({ uuid: `${at}-${number}`, sender, text, created_at: `${day}T10:0${number}:00Z`, content: [{ type: "text", text }], attachments: number === 0 && at === 0 ? [{ file_name: "plan.pdf" }] : [], files: [] });
  return { uuid: `conversation-${at}`, name: `Journey ${at} to Évora`, created_at: `${day}T10:00:00Z`, updated_at: `${day}T10:05:00Z`, chat_messages: [said(0, "human", `How do I get to place ${at}?`), said(1, "assistant", `By the train number ${at}, zwirbelwanst.`)] };
}
const file = (from: number, to: number) => JSON.stringify(Array.from({ length: to - from }, (_, at) => conversation(from + at)));

async function choose(page: Page, text: string, name = "conversations.json"): Promise<void> {
  await page.goto("/app/settings/import");
  await page.locator('input[type="file"]').setInputFiles({ name, mimeType: "application/json", buffer: Buffer.from(text) });
}
const preview = (page: Page) => page.getByRole("region", { name: "In this file from Claude" });

test("a file is looked at first; what is chosen becomes chats that are found at once", async ({ page }) => {
  await enter(page);
  await connect(page);
  await page.goto("/app/settings/import");
  await expect(page.getByText("Nothing was imported yet.")).toBeVisible();
  await isAccessible(page);
  await choose(page, file(0, 60));
  await expect(preview(page).getByText("60 chats with 120 messages.")).toBeVisible();
  await expect(preview(page).getByText("1 picture or file")).toBeVisible();
  await expect(preview(page).getByRole("checkbox")).toHaveCount(50);
  await page.getByRole("button", { name: "Show more" }).click();
  await expect(preview(page).getByRole("checkbox")).toHaveCount(60);
  await page.getByLabel("Find by title").fill("evora 59");
  await preview(page).getByRole("checkbox", { name: /Journey 59/ }).uncheck();
  await page.getByLabel("Find by title").fill("nowhere");
  await expect(page.getByText("No chat has these words")).toBeVisible();
  await page.getByLabel("Find by title").fill("");
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 800 });
    for (const scheme of SCHEMES) {
      await page.emulateMedia({ colorScheme: scheme });
      await isAccessible(page);
      await picture(page, "settings-import", scheme, width, true);
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole("button", { name: "Import 59 chats" }).click();
  await expect(page.getByText("59 chats from Claude")).toBeVisible({ timeout: 20_000 });
  await page.getByRole("link", { name: "See all chats" }).click();
  const row = page.getByRole("main").getByRole("link", { name: /Journey 27 / });
  await expect(row).toContainText("from Claude");
  await row.click();
  await expect(questions(page).first()).toContainText("How do I get to place 27?");
  await write(page, "And back?");
  await expect(answers(page).last()).toHaveAttribute("data-status", "complete");
  await page.goto("/app/search");
  const field = page.getByRole("main").getByRole("searchbox");
  await field.fill("zwirbelwanst");
  await field.press("Enter");
  await expect(page.getByRole("main").getByText("zwirbelwanst").first()).toBeVisible();
});

test("the same file again adds only what is new", async ({ page }) => {
  await enter(page);
  await choose(page, file(0, 60));
  await expect(preview(page).getByText("1 chat with 2 messages.")).toBeVisible();
  await expect(preview(page).getByText("59 chats were imported before", { exact: false })).toBeVisible();
  await page.getByLabel("Find by title").fill("journey 27");
  await expect(preview(page).getByRole("checkbox", { name: /imported before/ })).toBeDisabled();
  await page.getByRole("button", { name: "Do not import" }).click();
  await expect(preview(page)).toBeHidden();
});

test("a broken file says what to do, and one may try again", async ({ page }) => {
  await enter(page);
  await choose(page, file(0, 3).slice(0, -30));
  await expect(page.getByText("The list of conversations in this file is cut off or damaged.")).toBeVisible();
  await expect(page.getByText("Download the export again, and choose the new file.")).toBeVisible();
  await isAccessible(page);
  await page.getByRole("button", { name: "Put away" }).click();
  await expect(page.getByText("cut off or damaged")).toBeHidden();
  await choose(page, "%PDF-1.7", "holiday.zip");
  await expect(page.getByText("This file is neither a ZIP nor a conversations.json.")).toBeVisible();
  await page.getByRole("button", { name: "Put away" }).click();
});

test("what cannot be sent now is kept, and goes on", async ({ page }) => {
  test.skip(!isFake, "the installation under test has room");
  await enter(page);
  await world(page, { failing: 1 });
  await choose(page, file(100, 103));
  await expect(page.getByText("Your space is full, so nothing was added.")).toBeVisible();
  await page.getByRole("button", { name: "Go on sending" }).click();
  await expect(preview(page)).toBeVisible();
  await page.getByRole("button", { name: "Do not import" }).click();
});

test("an import goes on while the page is closed, can be stopped, and removed together", async ({ page }) => {
  test.skip(!isFake, "the installation under test is too quick to be held");
  await enter(page);
  await world(page, { held_import: true });
  await choose(page, file(200, 206));
  await page.getByRole("button", { name: "Import 6 chats" }).click();
  await expect(page.getByText("You may close this page; it goes on.")).toBeVisible();
  await expect(page.getByRole("progressbar")).toBeVisible();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await expect(page.getByRole("button", { name: "Import 6 chats" })).toBeVisible();
  await page.getByRole("button", { name: "Import 6 chats" }).click();
  await page.goto("/app/");
  await world(page, { held_import: false });
  await page.goto("/app/settings/import");
  await expect(page.getByText("6 chats from Claude")).toBeVisible({ timeout: 10_000 });
});

test("an import is removed as a whole, after a question", async ({ page }) => {
  await enter(page);
  await page.goto("/app/settings/import");
  const one = page.getByRole("listitem").filter({ hasText: "59 chats from Claude" });
  await one.getByRole("button", { name: "Remove this import" }).click();
  const dialog = page.getByRole("dialog", { name: "Remove 59 chats for good?" });
  await expect(dialog).toContainText("This cannot be undone.");
  await isAccessible(page);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await one.getByRole("button", { name: "Remove this import" }).click();
  await dialog.getByRole("button", { name: "Remove for good" }).click();
  await expect(one).toBeHidden({ timeout: 20_000 });
  await page.goto("/app/chats");
  await expect(page.getByRole("link", { name: /Journey 27 / })).toHaveCount(0);
});
