// A person in front of the browser, in the words of the tests.
import { readFileSync } from "node:fs";
import AxeBuilder from "@axe-core/playwright";
import { expect, type Locator, type Page, test } from "@playwright/test";

/** Against the real binary some knobs of the fake backend do not exist. */
export const isFake = !process.env.ALLY_E2E_URL;

/** A key that the installation under test accepts: a stand-in of Anthropic answers there. */
export const KEY = process.env.ALLY_E2E_KEY ?? "sk-ant-test-key";
const PASSWORD = "correct horse battery";

const LONG = Array.from({ length: 40 }, (_, at) => `Paragraph ${at + 1} goes on about the venues, their seats and their prices, so that the page has something to scroll.\n\n`).join("");
const VENUES = [{ steps: [{ tool_call: { tool: "memory_search", input: { query: "offsite" } } }] }, { steps: [{ text: "Three venues **fit**.\n\n- Atelier Graça\n- Sala Alcântara\n\nDeposit paid" }] }];

const LOOK = { steps: [{ tool_call: { tool: "time_now", input: {} } }] };
const AGAIN = [LOOK, LOOK, LOOK, { steps: [{ text: "It is late." }] }];

/** Everything that Markdown can be here. */
const SHOWCASE = readFileSync(new URL("../fake/showcase.md", import.meta.url), "utf8");

/** Tells the stand-in of Anthropic what to say, and how fast, where one stands behind the installation. */
export async function model(page: Page): Promise<void> {
  const standIn = process.env.ALLY_E2E_STAND_IN;
  if (!standIn) return;
  await page.request.post(`${standIn}/stand-in/rules`, { data: [{ when: "showcase", turns: [{ steps: [{ text: SHOWCASE }] }] }, { when: "long", turns: [{ steps: [{ text: LONG }] }] }, { when: "venues", turns: VENUES }, { when: "again and again", turns: AGAIN }] });
  await page.request.post(`${standIn}/stand-in/pace`, { data: { first_ms: 50, tokens: 100, between_ms: 15 } });
}

/** How many milliseconds lie between two pieces of the next answers, in both worlds. */
export async function pace(page: Page, between: number): Promise<void> {
  const standIn = process.env.ALLY_E2E_STAND_IN;
  if (standIn) await page.request.post(`${standIn}/stand-in/pace`, { data: { first_ms: 50, tokens: 100, between_ms: between } });
  await world(page, { speed: between });
}

/** Changes the world around the fake backend. */
export async function world(page: Page, change: Record<string, unknown>): Promise<void> {
  if (isFake) await page.request.post("/api/v1/fake", { data: change });
}

/** Begins a file of tests in a fresh world, with so many milliseconds between two pieces of an answer, and does there what all of them need. */
export function inFreshWorld(speed: number, prepare?: (page: Page) => Promise<void>): void {
  test.beforeAll(async ({ browser }) => {
    const page = await browser.newPage();
    await model(page);
    await world(page, { reset: true, speed });
    await prepare?.(page);
    await page.close();
  });
}

/** Signs in as the first account of the installation, making it if it is not there. */
export async function enter(page: Page, email = "mira@example.com"): Promise<void> {
  const options = (await (await page.request.get("/api/v1/auth/options")).json()) as { sign_up: string };
  await page.goto(options.sign_up === "first" ? "/app/sign-up" : "/app/sign-in");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  if (options.sign_up === "first") {
    await page.getByLabel("Name").fill("Mira");
    await page.getByLabel("I am 18 or older").check();
    const code = page.getByLabel("Code from the terminal");
    if (await code.isVisible()) await code.fill(process.env.ALLY_E2E_CODE ?? "");
    await page.getByRole("button", { name: "Make the account" }).click();
  } else {
    await page.getByRole("button", { name: "Sign in" }).click();
  }
  await expect(page.getByLabel("Message", { exact: true })).toBeVisible();
}

export async function write(page: Page, text: string): Promise<void> {
  const field = page.getByLabel("Message", { exact: true });
  await field.fill(text);
  await field.press("Enter");
}

export const answers = (page: Page): Locator => page.locator('article[data-role="assistant"]');
export const finished = (page: Page): Locator => page.locator('article[data-role="assistant"][data-status="complete"]');
export const questions = (page: Page): Locator => page.locator('article[data-role="user"]');

/** Connects a provider through Settings, if none is. */
export async function connect(page: Page): Promise<void> {
  await page.goto("/app/settings/provider");
  await expect(page.getByRole("heading", { name: "Connected now" })).toBeVisible();
  const none = page.getByText("No AI provider is connected");
  const remove = page.getByRole("button", { name: "Remove my key" });
  await expect(none.or(remove)).toBeVisible();
  if (await remove.isVisible()) return;
  await page.getByLabel("Anthropic API key").fill(KEY);
  await page.getByRole("button", { name: "Test and connect" }).click();
  await expect(remove).toBeVisible();
}

export async function disconnect(page: Page): Promise<void> {
  await page.request.delete("/api/v1/provider", { headers: { origin: new URL(page.url()).origin } });
}

export const SCHEMES = ["light", "dark"] as const;
export const WIDTHS = [1280, 390] as const;

/** A picture for people to look at, beside the results of the tests; whole, it shows what would have to be scrolled to. */
export async function picture(page: Page, name: string, scheme: string, width: number, isWhole = false): Promise<void> {
  const before = page.viewportSize();
  if (isWhole && before) {
    // The app scrolls inside itself, so the window grows until nothing is left to scroll.
    const hidden = await page.evaluate(() => Math.max(0, ...[...document.querySelectorAll("main, main *")].map((box) => (getComputedStyle(box).overflowY === "auto" ? box.scrollHeight - box.clientHeight : 0))));
    await page.setViewportSize({ width: before.width, height: before.height + hidden });
  }
  await page.screenshot({ path: `test-results/pictures/${isFake ? "fake" : "real"}/${name.replaceAll("/", "-")}-${scheme}-${width}.png` });
  if (isWhole && before) await page.setViewportSize(before);
}

/** No violation of WCAG 2.2 AA or of the good habits that axe knows. */
export async function isAccessible(page: Page): Promise<void> {
  const result = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).analyze();
  const found = result.violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.target.join(" ")} ${node.any.map((check) => check.message).join(" ")}`).join(" | ")}`);
  expect(found, page.url()).toEqual([]);
}
