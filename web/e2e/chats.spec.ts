// Finding a chat again: pins, folders, the archive, and each of it taken back.
import { expect, type Page, test } from "@playwright/test";
import { enter, finished, inFreshWorld, isAccessible, isFake, picture, signIn, write } from "./people";

test.describe.configure({ mode: "serial" });

inFreshWorld(5);

const list = (page: Page) => page.getByRole("navigation", { name: "Chats" });

async function choose(page: Page, title: string, action: string): Promise<void> {
  await list(page).getByRole("link", { name: title }).hover();
  await list(page).getByRole("button", { name: `Actions for ${title}` }).click();
  await page.getByRole("menuitem", { name: action }).click();
}

test("a chat is pinned, moved into a new folder, archived, and everything is taken back", async ({ page }) => {
  await enter(page);
  for (const name of ["Remember that Ana likes tea", "Remember that Jon likes coffee"]) {
    await page.goto("/app/");
    await write(page, name);
    await expect(finished(page)).toHaveCount(1);
    await expect(list(page).getByRole("link", { name })).toBeVisible();
  }
  const ana = "Remember that Ana likes tea";
  await choose(page, ana, "Pin");
  await expect(page.getByRole("region", { name: "Pinned" }).getByRole("link", { name: ana })).toBeVisible();
  await choose(page, ana, "Unpin");
  await expect(page.getByRole("region", { name: "Pinned" })).toHaveCount(0);

  await choose(page, ana, "Move to a folder");
  await page.getByRole("radio", { name: "New folder" }).check();
  await page.getByLabel("Name of the folder").fill("Friends");
  if (isFake) await isAccessible(page);
  await page.getByRole("button", { name: "Move", exact: true }).click();
  const folders = page.getByRole("region", { name: "Folders" });
  await expect(folders.getByRole("link", { name: ana })).toBeVisible();
  await expect(folders.getByRole("button", { name: `Actions for ${ana}` })).toBeFocused();
  await folders.getByRole("button", { name: "Friends", exact: true }).click();
  await expect(folders.getByRole("link", { name: ana })).toHaveCount(0);
  await page.reload();
  await expect(folders.getByRole("button", { name: "Friends", exact: true })).toHaveAttribute("aria-expanded", "false");
  await folders.getByRole("button", { name: "Friends", exact: true }).click();
  await expect(folders.getByRole("link", { name: ana })).toBeVisible();

  await folders.getByRole("button", { name: "Friends", exact: true }).hover();
  await folders.getByRole("button", { name: "Actions for the folder Friends" }).click();
  await page.getByRole("menuitem", { name: "Delete the folder" }).click();
  await expect(folders).toHaveCount(0);
  await expect(list(page).getByRole("link", { name: ana })).toBeVisible();
  await page.getByRole("region", { name: "Messages of the app" }).getByRole("button", { name: "Undo" }).last().click();
  await expect(folders.getByRole("link", { name: ana })).toBeVisible();

  await choose(page, ana, "Archive");
  await expect(list(page).getByRole("link", { name: ana })).toHaveCount(0);
  await page.getByRole("link", { name: "All chats" }).click();
  await page.getByRole("button", { name: "Archived" }).click();
  await expect(page).toHaveURL(/\/app\/chats\?archived=true$/);
  await expect(page.getByRole("main").getByRole("link", { name: ana })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("main").getByRole("link", { name: ana })).toBeVisible();
  await isAccessible(page);
  await picture(page, "all-chats", "light", 1280);
  await page.getByRole("main").getByRole("button", { name: `Actions for ${ana}` }).click();
  await page.getByRole("menuitem", { name: "Take out of the archive" }).click();
  await expect(page.getByText("Nothing is archived.")).toBeVisible();
  await expect(folders.getByRole("link", { name: ana })).toBeVisible();
});

test("a change that is refused is taken back, and the reason is told", async ({ page }) => {
  await enter(page);
  const jon = "Remember that Jon likes coffee";
  await page.route("**/api/v1/chats/chat_*", (route) => (route.request().method() === "PATCH" ? route.fulfill({ status: 507, contentType: "application/problem+json", body: JSON.stringify({ type: "disk_full", status: 507, title: "The disk is full." }) }) : route.continue()));
  await choose(page, jon, "Archive");
  await expect(page.getByText("The chat was not changed: The disk is full.")).toBeVisible();
  await expect(list(page).getByRole("link", { name: jon })).toBeVisible();
});

test("what was said is found, marked, and opened at its message; the words stand in no address", async ({ page }) => {
  await enter(page);
  const addresses: string[] = [];
  page.on("request", (request) => addresses.push(request.url()));
  await page.getByRole("link", { name: "Search", exact: true }).click();
  await page.getByLabel("Words to look for").fill("coffee");
  await page.getByLabel("Words to look for").press("Enter");
  const hits = page.getByRole("main").getByRole("listitem");
  await expect(hits.first()).toContainText("coffee");
  await expect(hits.first().locator("mark").first()).toHaveText("coffee");
  await page.getByLabel("Said by").selectOption("user");
  await expect(page).toHaveURL(/\/app\/search\?role=user$/);
  await expect(hits).toHaveCount(1);
  await isAccessible(page);
  await picture(page, "search", "light", 1280);
  await hits.first().getByRole("link").click();
  await expect(page).toHaveURL(/\/app\/chats\/chat_\w+#msg_\w+$/);
  await page.goBack();
  await expect(page.getByLabel("Words to look for")).toHaveValue("coffee");
  await expect(hits).toHaveCount(1);
  expect(addresses.filter((address) => address.includes("coffee"))).toEqual([]);
});

test("instructions are measured, refused when they are too long, and shown as the model is told them", async ({ page }) => {
  await signIn(page);
  await page.goto("/app/settings/instructions");
  const rules = page.getByLabel(/^Rules that always count/);
  await rules.fill("x".repeat(4001));
  await expect(page.getByText("1 character too long. Nothing is cut: make it shorter.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Save" })).toBeDisabled();
  await rules.fill("Use metric units.");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved. They count from the next message on.")).toBeVisible();
  await expect(page.getByLabel("What the model is told", { exact: true }).last()).toContainText("Use metric units.");
  await isAccessible(page);
  await picture(page, "instructions", "light", 1280);
  await rules.fill("Use metric units. Be brief.");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Forget earlier versions" }).click();
  await isAccessible(page);
  await page.getByRole("button", { name: "Forget them" }).click();
  await expect(page.getByText("The earlier versions are gone.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Forget earlier versions" })).toHaveCount(0);
  await expect(rules).toHaveValue("Use metric units. Be brief.");
  // What is not saved yet waits while another place is looked at.
  await rules.fill("Use metric units. And never guess.");
  const actions = page.getByRole("button", { name: "Actions for the folder Friends" });
  await actions.focus();
  await actions.press("Enter");
  await page.getByRole("menuitem", { name: "Instructions" }).click();
  await expect(page).toHaveURL(/folder=fld_/);
  await expect(page.getByText("Not saved yet, but kept here: All chats")).toBeVisible();
  await expect(rules).toHaveValue("");
  await page.getByLabel("These count for").selectOption({ label: "All chats" });
  await expect(rules).toHaveValue("Use metric units. And never guess.");
  await page.getByLabel("These count for").selectOption({ label: "Folder Friends" });
  await page.getByLabel(/^Tone/).fill("warm");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByLabel("What the model is told", { exact: true }).last()).toContainText("Tone: warm");
});

test("a temporary chat says so, is in no list, and is gone when it is left", async ({ page }) => {
  await enter(page);
  await page.getByRole("button", { name: "New temporary chat" }).click();
  const banner = page.getByRole("region", { name: "Temporary chat" });
  await expect(banner).toContainText("Nothing in it is remembered");
  await write(page, "My secret is aubergine");
  await expect(finished(page)).toHaveCount(1);
  await isAccessible(page);
  await picture(page, "temporary-chat", "light", 1280);
  await expect(list(page).getByRole("link", { name: /aubergine/ })).toHaveCount(0);
  const address = page.url();
  await page.reload();
  await expect(finished(page)).toHaveCount(1);
  await page.getByRole("link", { name: "All chats" }).click();
  await expect(page.getByText("The temporary chat is gone.")).toBeVisible();
  await page.goto(address);
  await expect(page.getByText("This chat is not here.")).toBeVisible();

  await page.getByRole("button", { name: "New temporary chat" }).click();
  await banner.getByRole("button", { name: "Close it now" }).click();
  await expect(banner).toHaveCount(0);
  await expect(page).toHaveURL(/\/app\/$/);
});

test("what was looked for is gone when the session ends, also from the history", async ({ page }) => {
  await enter(page);
  await page.getByRole("link", { name: "Search", exact: true }).click();
  await page.getByLabel("Words to look for").fill("coffee");
  await page.getByLabel("Words to look for").press("Enter");
  await expect(page.getByRole("main").getByRole("listitem").first()).toContainText("coffee");
  expect(await page.evaluate(() => JSON.stringify([history.state, location.href]))).not.toContain("coffee");
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await signIn(page);
  await page.goBack();
  await page.goBack();
  await expect(page).toHaveURL(/\/app\/search$/);
  await expect(page.getByLabel("Words to look for")).toHaveValue("");
});
