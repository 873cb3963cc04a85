// What every test has: a server of its own with a generated world, and a watch over the page: no
// dialog, no request to elsewhere, no violated policy, no error in the console.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test as base } from "@playwright/test";

const SERVER = fileURLToPath(new URL("../../src/console/ui/dev/server.mjs", import.meta.url));

/** Starts the development server on a free port. */
export async function serve(world) {
  const child = spawn(process.execPath, [SERVER, "--port", "0", ...world], { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise((done, fail) => {
    child.once("exit", (code) => fail(new Error(`the server ended with ${code}`)));
    createInterface({ input: child.stdout }).once("line", (line) => done(line.trim()));
  });
  return { url, stop: () => child.kill() };
}

/** What a page does wrong: a dialog, an error, a request to elsewhere, a window. */
export function watch(page, url, expectsErrors = false) {
  const wrong = [];
  page.on("dialog", (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("pageerror", (error) => wrong.push(`error: ${error.stack}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("data:")) wrong.push(`request: ${request.url()}`);
  });
  page.on("console", (message) => {
    if (message.type() === "error" && !expectsErrors) wrong.push(`console: ${message.text()}`);
  });
  page.context().on("page", (other) => {
    if (other !== page) wrong.push(`window: ${other.url()}`);
  });
  return wrong;
}

export const test = base.extend({
  /** Arguments of the server. */
  world: [[], { option: true }],
  /** Faults a test makes on purpose show up in the browser's console. */
  expectsErrors: [false, { option: true }],

  server: async ({ world }, use) => {
    const { url, stop } = await serve(["--sessions", "400", "--longest", "300", ...world]);
    const post = (path, body = {}) => fetch(`${url}_test/${path}`, { method: "POST", body: JSON.stringify(body) });
    await use({
      url,
      /** The session that goes on makes one more call. */
      grow: async () => (await post("grow")).json(),
      release: () => post("release"),
      fault: (fault) => post("fault", fault),
      log: async () => (await fetch(`${url}_test/log`)).json(),
      api: async (path) => (await fetch(`${url}api/v1/${path}`)).json(),
    });
    stop();
  },

  /** Opens an address of the page. */
  open: async ({ page, server, expectsErrors }, use) => {
    const wrong = watch(page, server.url, expectsErrors);
    await use(async (hash) => {
      await page.goto(server.url + hash);
    });
    const { reports } = await server.log();
    expect([...wrong, ...reports.map((report) => `policy: ${report}`)]).toEqual([]);
  },
});

export { expect };

/** The list's rows. */
export const rows = (page) => page.locator(".sessions-side [data-row]");
/** The rows of the open session's calls. */
export const calls = (page) => page.locator(".session .calls [data-row]");

/** Chooses a value of a filter with the mouse, as a person does. */
export async function filter(page, field, value) {
  await page.getByRole("button", { name: new RegExp(`^${field}`) }).first().click();
  const panel = page.getByRole("dialog", { name: new RegExp(`^Filter by ${field}`) });
  await panel.getByRole("textbox").fill(value);
  await panel.getByRole("option", { name: value }).first().click();
  await page.keyboard.press("Escape");
}

/** Waits until the list shows what was asked last. */
export async function settled(page) {
  await expect(page.locator(".skeleton, .stale")).toHaveCount(0);
}
