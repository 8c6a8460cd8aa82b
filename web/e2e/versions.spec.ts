// Versions: editing and asking again lose nothing, in every tab and without a mouse.
import { expect, test } from "@playwright/test";
import { answers, connect, enter, finished, inFreshWorld, isAccessible, isFake, pace, picture, questions, SCHEMES, signIn, world, write } from "./people";

test.describe.configure({ mode: "serial" });

inFreshWorld(5);

test("an edited question is a version; the old one and its answer come back, also in a second tab", async ({ page, context }) => {
  await signIn(page);
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
  await signIn(page);
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

test("in the middle of a long chat, another version opens without a jump to the end", async ({ page }) => {
  test.skip(!isFake, "the long chat is made by the fake backend");
  await signIn(page);
  await connect(page);
  await world(page, { history: { title: "A long story", messages: 40 } });
  await page.goto("/app/");
  await page.getByRole("link", { name: "A long story" }).click();
  const question = questions(page).filter({ hasText: "Question 10:" });
  await question.getByRole("button", { name: "Edit the message" }).click();
  await page.getByLabel("Your message, edited").fill("Remember another thing");
  await page.keyboard.press("Enter");
  const mine = questions(page).filter({ hasText: "Remember another thing" });
  await expect(mine.getByRole("button", { name: "Edit the message" })).toBeFocused();
  await expect(finished(page).last()).toContainText("From now on I keep it short.");
  const log = page.getByRole("log");
  // In the middle of the window, and well away from the end.
  await mine.evaluate((one) => one.scrollIntoView({ block: "center" }));
  await mine.getByRole("button", { name: "Earlier version" }).click();
  await expect(question).toBeVisible();
  await expect(questions(page).filter({ hasText: "Question 20:" })).toBeAttached();
  const later = question.getByRole("button", { name: "Later version" });
  await expect(later).toBeFocused();
  expect(await log.evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight)).toBeGreaterThan(400);
});

test("a link to a message of a version that is not shown opens that version", async ({ page }) => {
  await signIn(page);
  await connect(page);
  await page.goto("/app/");
  await write(page, "Which venues fit for Sintra?");
  await expect(finished(page)).toHaveCount(1);
  const id = (await questions(page).getAttribute("data-message")) ?? "";
  const address = page.url();
  await questions(page).getByRole("button", { name: "Edit the message" }).click();
  await page.getByLabel("Your message, edited").fill("Which venues fit for Evora?");
  await page.keyboard.press("Enter");
  await expect(questions(page)).toContainText("Evora");
  await expect(finished(page)).toHaveCount(1);
  await page.goto("/app/memory");
  await page.goto(`${address}#${id}`);
  await expect(page.locator('[data-item][aria-current="location"]')).toContainText("Sintra");
  await expect(questions(page).getByRole("status", { name: "Version 1 of 2" })).toBeVisible();
});
