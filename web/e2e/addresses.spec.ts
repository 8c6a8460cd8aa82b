// What an address does: an invitation that leaves no trace, an old link, a page that is not there.
import { expect, test } from "@playwright/test";
import { enter, inFreshWorld, isAccessible, picture, signIn } from "./people";

test.describe.configure({ mode: "serial" });

inFreshWorld(5, async (page) => {
  await enter(page);
});

test("an invitation is read once from behind the #, and then stands in no address and in no request line", async ({ page, browser }) => {
  await signIn(page);
  await page.goto("/app/settings/people");
  await page.getByRole("button", { name: "Make an invitation link" }).click();
  const link = await page.getByText(/sign-up#invitation=/).innerText();
  const token = new URL(link).hash.split("=")[1] ?? "";
  expect(token.length).toBeGreaterThan(10);

  const friend = await (await browser.newContext()).newPage();
  const asked: string[] = [];
  friend.on("request", (request) => asked.push(request.url()));
  await friend.goto(link);
  await expect(friend.getByLabel("E-mail")).toBeVisible();
  await expect(friend).toHaveURL(/\/app\/sign-up$/);
  // The browser reports the navigation with its fragment; what it sends is the part before it.
  expect(asked.map((url) => url.split("#")[0]).join(" ")).not.toContain(token);
  expect(await friend.evaluate(() => [history.length, JSON.stringify(history.state), document.referrer, JSON.stringify({ ...localStorage, ...sessionStorage })].join(" "))).not.toContain(token);
  await isAccessible(friend);

  await friend.goto("/app/sign-up#invitation=0123456789abcdef0123456789abcdef");
  await expect(friend.getByText("This invitation is no longer valid.")).toBeVisible();
  await expect(friend).toHaveURL(/\/app\/sign-up$/);

  // A second link, opened in the same tab, changes only what stands behind the #.
  await friend.evaluate((hash) => location.assign(hash), `#invitation=${token}`);
  await expect(friend.getByLabel("E-mail")).toBeVisible();
  await friend.getByLabel("E-mail").fill("jonas@example.com");
  await friend.getByLabel("Password", { exact: true }).fill("another good phrase");
  await friend.getByLabel("I am 18 or older").check();
  await friend.getByLabel("I accept the").check();
  await friend.getByRole("button", { name: "Make the account" }).click();
  await expect(friend.getByLabel("Message", { exact: true })).toBeVisible();
  await friend.context().close();
});

test("a link of the older kind says so, and its secret leaves the address bar", async ({ browser }) => {
  const friend = await (await browser.newContext()).newPage();
  await friend.goto("/app/sign-up?invitation=0123456789abcdef");
  await expect(friend.getByText("This invitation link is of an older kind.")).toBeVisible();
  await expect(friend.getByText("Ask the administrator for a new link.")).toBeVisible();
  await expect(friend).toHaveURL(/\/app\/sign-up$/);
  await isAccessible(friend);
  await picture(friend, "sign-up-old-link", "light", 1280);
  await friend.context().close();
});

test("an unknown address inside the app says so and keeps the navigation", async ({ page }) => {
  await enter(page);
  for (const path of ["nowhere", "settings/nowhere", "memory/nowhere/at/all"]) {
    await page.goto(`/app/${path}`);
    await expect(page.getByRole("heading", { level: 1, name: "There is no such page" })).toBeVisible();
    await expect(page.getByText(`/app/${path}`)).toBeVisible();
    await expect(page.getByRole("navigation", { name: "Areas" })).toBeVisible();
  }
  await page.getByRole("main").getByRole("link", { name: "Go to the chat" }).click();
  await expect(page.getByLabel("Message", { exact: true })).toBeVisible();
});

test("somebody who is not signed in comes to sign-in first, whatever the address", async ({ browser }) => {
  const stranger = await (await browser.newContext()).newPage();
  await stranger.goto("/app/nowhere");
  await expect(stranger.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await stranger.getByLabel("E-mail").fill("mira@example.com");
  await stranger.getByLabel("Password", { exact: true }).fill("correct horse battery");
  await stranger.getByRole("button", { name: "Sign in" }).click();
  await expect(stranger).toHaveURL(/\/app\/nowhere$/);
  await expect(stranger.getByRole("heading", { level: 1, name: "There is no such page" })).toBeVisible();
  await stranger.context().close();
});
