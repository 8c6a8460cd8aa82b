// A person in front of the browser, in the words of the tests.
import { readFileSync } from "node:fs";
import AxeBuilder from "@axe-core/playwright";
import { type BrowserContext, expect, type Locator, type Page, test } from "@playwright/test";

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
    cookies.clear();
    const page = await browser.newPage();
    await model(page);
    await world(page, { reset: true, speed });
    await prepare?.(page);
    await page.close();
  });
}

/** The sessions of this file's world, by address: signing in takes a while, as it should. */
const cookies = new Map<string, Awaited<ReturnType<BrowserContext["cookies"]>>>();

/** What a page of the app sends along; the tests' own requests must say it. */
const sameOrigin = () => ({ origin: new URL(test.info().project.use.baseURL ?? "").origin });

/** Signs in without opening a page, as the first account of the installation, which is made if it is not there. The
 * forms are filled in where they are tested. */
export async function signIn(page: Page, email = "mira@example.com"): Promise<void> {
  const context = page.context();
  await context.addCookies(cookies.get(email) ?? []);
  if ((await page.request.get("/api/v1/account")).ok()) return;
  const { sign_up } = (await (await page.request.get("/api/v1/auth/options")).json()) as { sign_up: string };
  const isFirst = sign_up === "first";
  const form = { email, password: PASSWORD, ...(isFirst && { name: "Mira", timezone: "Europe/Berlin", adult: true, code: process.env.ALLY_E2E_CODE }) };
  const answer = await page.request.post(`/api/v1/auth/${isFirst ? "sign-up" : "sign-in"}`, { data: form, headers: sameOrigin() });
  expect(answer.ok(), await answer.text()).toBe(true);
  cookies.set(email, await context.cookies());
}

/** Signs in and opens the app. */
export async function enter(page: Page, email?: string): Promise<void> {
  await signIn(page, email);
  await page.goto("/app/");
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

/** Connects a provider; a page that is open hears of it when it is opened again. */
export async function connect(page: Page): Promise<void> {
  const answer = await page.request.put("/api/v1/provider", { data: { key: KEY }, headers: sameOrigin() });
  expect(answer.ok(), await answer.text()).toBe(true);
}

export async function disconnect(page: Page): Promise<void> {
  await page.request.delete("/api/v1/provider", { headers: sameOrigin() });
}

export const SCHEMES = ["light", "dark"] as const;
export const WIDTHS = [1280, 390] as const;
/** Each scheme once and each width once: what a page looks like in the other two is made of the same rules. */
export const LOOKS = [["light", 1280], ["dark", 390]] as const;

/** Pages of the app are the same files in both worlds: what they look like is looked at in the quicker one. */
const isSeenElsewhere = (page: Page) => !isFake && new URL(page.url()).pathname.startsWith("/app");

/** A picture for people to look at, beside the results of the tests; whole, it shows what would have to be scrolled to. */
export async function picture(page: Page, name: string, scheme: string, width: number, isWhole = false): Promise<void> {
  if (isSeenElsewhere(page)) return;
  const before = page.viewportSize();
  if (isWhole && before) {
    // The app scrolls inside itself, so the window grows until nothing is left to scroll.
    const hidden = await page.evaluate(() => Math.max(0, ...[...document.querySelectorAll("main, main *")].map((box) => (getComputedStyle(box).overflowY === "auto" ? box.scrollHeight - box.clientHeight : 0))));
    await page.setViewportSize({ width: before.width, height: before.height + hidden });
  }
  await page.screenshot({ path: `test-results/pictures/${isFake ? "fake" : "real"}/${name.replaceAll("/", "-")}-${scheme}-${width}.png` });
  if (isWhole && before) await page.setViewportSize(before);
}

/** In the page, or a part of it: no violation of WCAG 2.2 AA or of the good habits that axe knows. */
export async function isAccessible(page: Page, part = "html"): Promise<void> {
  if (isSeenElsewhere(page)) return;
  const result = await new AxeBuilder({ page }).include(part).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).analyze();
  const found = result.violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.target.join(" ")} ${node.any.map((check) => check.message).join(" ")}`).join(" | ")}`);
  expect(found, page.url()).toEqual([]);
}
