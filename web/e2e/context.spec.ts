// What is chosen and shown about how a model is asked: thinking time, how full a chat is, what was summarised.
import { expect, test } from "@playwright/test";
import { connect, enter, inFreshWorld, isAccessible, isFake, LOOKS, picture, world } from "./people";

test.skip(!isFake, "a chat that fills a window is made by the fake backend");

inFreshWorld(5, async (page) => {
  await enter(page);
  await connect(page);
  await world(page, { history: { title: "Venues for the offsite", messages: 20, summarised: 12 } });
});

test("thinking time is chosen with the keyboard, belongs to the chat and is still there after a reload", async ({ page }) => {
  await enter(page);
  await page.getByRole("link", { name: "Venues for the offsite" }).click();
  const thinking = page.getByLabel("Thinking time");
  await expect(thinking).toHaveValue("normal");
  const saved = page.waitForResponse((response) => response.request().method() === "PATCH");
  await thinking.focus();
  await thinking.selectOption("Thorough");
  await saved;
  await page.reload();
  await expect(page.getByLabel("Thinking time")).toHaveValue("thorough");
});

test("a full chat says how full it is, and what was summarised can be opened where it stands", async ({ page }) => {
  await enter(page);
  await page.getByRole("link", { name: "Venues for the offsite" }).click();
  await expect(page.getByLabel("Thinking time")).toBeVisible();
  for (const [scheme, width] of LOOKS) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 800 });
    await page.reload();
    await expect(page.getByText("63% of what the model can read")).toBeVisible();
    const line = page.getByText("Summarised here");
    await line.scrollIntoViewIfNeeded();
    await line.click();
    await expect(page.getByText("She looks for a venue for forty people [1].")).toBeVisible();
    await expect(page.getByText("Stands for 12 messages")).toBeVisible();
    await isAccessible(page);
    await picture(page, "summarised", scheme, width);
  }
});
