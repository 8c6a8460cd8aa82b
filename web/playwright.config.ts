// Browser tests. Against the real thing with ALLY_E2E_URL, otherwise against the fake backend and the built app.
import { defineConfig, devices } from "@playwright/test";

const real = process.env.ALLY_E2E_URL;
// Set once, and inherited by the workers, which read this file again.
const port = Number((process.env.ALLY_FAKE_PORT ??= String(20_000 + Math.floor(Math.random() * 10_000))));

export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results",
  workers: 1,
  retries: 0,
  // Generous: a machine may be busy with other things, and no test is about time.
  timeout: 120_000,
  expect: { timeout: 30_000 },
  reporter: [["list"]],
  use: {
    baseURL: real ?? `http://127.0.0.1:${port}`,
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    actionTimeout: 30_000,
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.ALLY_CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    },
  },
  projects: [{ name: "desktop", use: { ...devices["Desktop Chrome"], viewport: { width: 1280, height: 800 } } }],
  webServer: real ? undefined : { command: `node fake/server.mjs --port ${port}`, url: `http://127.0.0.1:${port}/`, reuseExistingServer: false },
});
