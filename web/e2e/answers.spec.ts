// What stands under an answer: thumbs, the receipt, and the mark on a claim that has none.
import { expect, test } from "@playwright/test";
import { answers, connect, enter, finished, inFreshWorld, isAccessible, isFake, LOOKS, picture, signIn, world, write } from "./people";

test.describe.configure({ mode: "serial" });

inFreshWorld(5);

test("a thumb is shown at once and in every tab, takes a note, and can be taken back", async ({ page, context }) => {
  await signIn(page);
  await connect(page);
  await page.goto("/app/");
  await write(page, "Which venues fit for Lisbon?");
  await expect(finished(page)).toHaveCount(1);
  const second = await context.newPage();
  await second.goto(page.url());
  const down = page.getByRole("button", { name: "Bad answer" });
  await down.focus();
  await page.keyboard.press("Enter");
  await expect(down).toHaveAttribute("aria-pressed", "true");
  await expect(second.getByRole("button", { name: "Bad answer" })).toHaveAttribute("aria-pressed", "true");
  await page.getByLabel("What was good or bad about it").fill("Too long for me");
  await page.getByRole("button", { name: "Add a note" }).press("Enter");
  await expect(second.getByText("Too long for me")).toBeVisible();
  await page.reload();
  await expect(page.getByText("Too long for me")).toBeVisible();
  await down.click();
  await expect(second.getByRole("button", { name: "Bad answer" })).toHaveAttribute("aria-pressed", "false");
  await expect(second.getByText("Too long for me")).toHaveCount(0);
  await second.close();
  if (!isFake) return;
  await world(page, { failing: 1 });
  await page.getByRole("button", { name: "Good answer" }).click();
  await expect(page.getByText("Your rating was not changed: It cannot be kept right now.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Good answer" })).toHaveAttribute("aria-pressed", "false");
});

test("the receipt is one line, and opens", async ({ page }) => {
  await enter(page);
  await write(page, "Which venues fit for Porto?");
  await expect(finished(page)).toHaveCount(1);
  await page.getByText(/^What was done: 1 tool/).click();
  await expect(page.getByText("1 tool did what was asked, nothing was changed")).toBeVisible();
  await expect(page.getByText(/^2 model calls/)).toBeVisible();
  await expect(page.getByText(/^Your key paid about \$0\./)).toBeVisible();
  for (const [scheme, width] of LOOKS) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 800 });
    await isAccessible(page);
    await picture(page, "receipt", scheme, width);
  }
});

test("a claim without a receipt is marked, and the mark says why", async ({ page }) => {
  test.skip(!isFake, "the stand-in of the model has no such answer");
  await enter(page);
  await write(page, "Pretend");
  await expect(finished(page)).toHaveCount(1);
  await answers(page).last().getByText("Not verified").click();
  await expect(page.getByText(/so there is no receipt for it/)).toBeVisible();
});

test("under an answer that failed stands one way to try again", async ({ page }) => {
  test.skip(!isFake, "the stand-in of the model does not fail on request");
  await signIn(page);
  await connect(page);
  await page.goto("/app/");
  await write(page, "Fail");
  await expect(answers(page).last()).toHaveAttribute("data-status", "failed");
  await expect(answers(page).last().getByRole("button", { name: "Good answer" })).toBeVisible();
  await expect(answers(page).last().getByRole("button", { name: "Try again" })).toHaveCount(1);
  for (const [scheme, width] of LOOKS) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 800 });
    await isAccessible(page);
    await picture(page, "chat-failed", scheme, width);
  }
});
