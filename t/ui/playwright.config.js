import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "specs",
  outputDir: "report",
  fullyParallel: true,
  workers: Number(process.env.UI_WORKERS ?? 2),
  timeout: 120_000,
  expect: { timeout: 30_000 },
  // As the other suites: what failed has one second try, and is named as flaky.
  retries: process.env.CI ? 1 : 0,
  reporter: [["list"]],
  forbidOnly: true,
  use: {
    timezoneId: "Europe/Berlin",
    locale: "en-GB",
    viewport: { width: 1440, height: 900 },
    launchOptions: { executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] },
    trace: "off",
  },
});
