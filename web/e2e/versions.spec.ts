// Versions: editing and asking again lose nothing, in every tab and without a mouse.
import { expect, test } from "@playwright/test";
import { answers, connect, enter, finished, inFreshWorld, isAccessible, pace, picture, questions, SCHEMES, write } from "./people";

test.describe.configure({ mode: "serial" });

inFreshWorld(5);

test("an edited question is a version; the old one and its answer come back, also in a second tab", async ({ page, context }) => {
  await enter(page);
  await connect(page);
  await page.goto("/app/");
  await write(page, "Which venues fit for Lisbon?");
  await expect(finished(page)).toHaveCount(1);
  await write(page, "And which is the cheapest?");
  await expect(finished(page)).toHaveCount(2);
  const second = await context.newPage();
  await second.goto(page.url());
  await expect(questions(second)).toHaveCount(2);

  await questions(page).first().getByRole("button", { name: "Edit the message" }).click();
  const field = page.getByLabel("Your message, edited");
  await expect(field).toBeFocused();
  await expect(field).toHaveValue("Which venues fit for Lisbon?");
  await field.fill("Which venues fit for Porto?");
  await field.press("Enter");
  for (const tab of [page, second]) {
    await expect(questions(tab)).toHaveCount(1);
    await expect(questions(tab).first()).toContainText("Porto");
    await expect(questions(tab).first().getByRole("status", { name: "Version 2 of 2" })).toBeVisible();
    await expect(finished(tab)).toHaveCount(1);
  }
  await page.getByRole("button", { name: "Earlier version" }).focus();
  await page.keyboard.press("Enter");
  for (const tab of [page, second]) {
    await expect(questions(tab)).toHaveCount(2);
    await expect(questions(tab).first()).toContainText("Lisbon");
    await expect(questions(tab).nth(1)).toContainText("cheapest");
  }
  await expect(page.getByRole("button", { name: "Later version" })).toBeFocused();
  await page.reload();
  await expect(questions(page).first()).toContainText("Lisbon");
  await page.getByRole("button", { name: "Later version" }).press("Enter");
  await expect(questions(page).first()).toContainText("Porto");
  await second.close();
});

test("an answer is written again beside the old one", async ({ page }) => {
  await enter(page);
  await write(page, "Which venues fit for Faro?");
  await expect(finished(page)).toHaveCount(1);
  await answers(page).last().getByRole("button", { name: "Try again" }).click();
  await expect(answers(page)).toHaveCount(1);
  await expect(answers(page).getByRole("status", { name: "Version 2 of 2" })).toBeVisible();
  await expect(finished(page)).toHaveCount(1);
  for (const scheme of SCHEMES) {
    await page.emulateMedia({ colorScheme: scheme });
    await isAccessible(page);
    await picture(page, "versions", scheme, 1280);
  }
});

test("the arrow upwards edits the last message; Escape keeps it as it is", async ({ page }) => {
  await enter(page);
  await write(page, "Which venues fit for Braga?");
  await expect(finished(page)).toHaveCount(1);
  await page.getByLabel("Message", { exact: true }).press("ArrowUp");
  const field = page.getByLabel("Your message, edited");
  await expect(field).toBeFocused();
  await field.fill("something else");
  await field.press("Escape");
  await expect(field).toHaveCount(0);
  await expect(questions(page)).toContainText("Braga");
  await expect(page.getByRole("button", { name: "Edit the message" })).toBeFocused();
});

test("what is sent while an answer is written is queued, and shown so; Stop keeps what was written", async ({ page }) => {
  await enter(page);
  await connect(page);
  await page.goto("/app/");
  await pace(page, 60);
  await write(page, "A long one please");
  await expect(answers(page).last()).toContainText("Paragraph");
  await write(page, "Which venues fit for Lisbon?");
  await expect(questions(page).last()).toContainText("Queued");
  await expect(answers(page).last()).toContainText("Waiting to begin");
  await page.reload();
  await expect(questions(page).last()).toContainText("Queued");
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await expect(answers(page).first()).toHaveAttribute("data-status", "stopped");
  await expect(answers(page).first()).toContainText("Paragraph");
  await expect(answers(page).first().getByText("You stopped it here.")).toBeVisible();
  await pace(page, 5);
  await expect(finished(page)).toHaveCount(1);
  await expect(questions(page).last()).not.toContainText("Queued");
  await page.reload();
  await expect(answers(page).first().getByText("You stopped it here.")).toBeVisible();
  await pace(page, 15);
});
