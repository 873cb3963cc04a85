// Empty, loading, error and "nothing matches": each says what to do next.

import { expect, rows, test } from "../kit.js";

test.use({ expectsErrors: true });

test.describe("a store without sessions", () => {
  test.use({ world: ["--empty"] });
  test("says when sessions will appear, and where to look", async ({ page, open }) => {
    await open("");
    await expect(page.getByText("No MCP sessions: today")).toBeVisible();
    await expect(page.getByText("mcp_sessions on")).toBeVisible();
    await page.getByRole("link", { name: "Look at 7 days" }).click();
    await expect.poll(() => new URL(page.url()).hash).toBe("#/sessions?range=7d");
    await page.getByRole("link", { name: "Is the recorder well?" }).click();
    await expect(page.getByRole("heading", { name: "Recorder" })).toBeVisible();
    for (const view of ["servers", "agents"]) {
      await open(`#/${view}`);
      await expect(page.getByRole("link", { name: "Look at 7 days" })).toBeVisible();
    }
  });
});

test("nothing matches: filters can be cleared, the time widened", async ({ page, open }) => {
  await open("#/sessions?range=1h&primitive=no_such_tool");
  await expect(page.getByText("Nothing matches")).toBeVisible();
  await expect(page.getByRole("link", { name: "Look at 6 hours" })).toBeVisible();
  await page.getByRole("link", { name: "Clear filters" }).click();
  await expect(rows(page).first()).toBeVisible();
});

test("a slow answer shows that it is coming", async ({ page, open, server }) => {
  await server.fault({ path: "sessions", hold: true });
  await open("");
  await expect(page.getByRole("status", { name: "Loading" })).toBeVisible();
  await server.release();
  await expect(rows(page).first()).toBeVisible();
});

test("a busy nginx is asked again by itself", async ({ page, open, server }) => {
  await server.fault({ path: "sessions", status: 503, headers: { "Retry-After": "1" }, times: 2 });
  await open("");
  await expect(rows(page).first()).toBeVisible();
  expect((await server.log()).requests.filter((path) => path.startsWith("api/v1/sessions?") && !path.includes("limit=")).length).toBe(3);
});

test("a refusal says why, and can be tried again", async ({ page, open, server }) => {
  await server.fault({ path: "sessions", status: 400, body: { title: "Bad Request", detail: "q is longer than 256 bytes" } });
  await open("");
  await expect(page.getByRole("alert")).toContainText("q is longer than 256 bytes");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(rows(page).first()).toBeVisible();
});

test("a login page instead of an answer is not shown as data", async ({ page, open, server }) => {
  await server.fault({ path: "sessions", raw: "<html>login</html>" });
  await open("");
  await expect(page.getByRole("alert")).toContainText("The answer is not JSON");
});

test("the rest of the page lives on where the chart or a further page fails", async ({ page, open, server }) => {
  await server.fault({ path: "timeline", status: 500 });
  await open("#/sessions?range=7d");
  await expect(page.getByText("The chart cannot be drawn")).toBeVisible();
  await expect(rows(page).first()).toBeVisible();
  // The look for news that follows the opening of the stream is not what shall fail.
  await expect.poll(async () => (await server.log()).requests.some((path) => path.startsWith("api/v1/sessions?") && path.includes("limit=100"))).toBe(true);
  await server.fault({ path: "sessions", status: 500 });
  await page.locator(".list").evaluate((pane) => pane.scrollTo(0, pane.scrollHeight));
  await expect(page.getByText("The next page did not come")).toBeVisible();
  const before = await page.locator(".list").evaluate((pane) => pane.scrollHeight);
  await page.locator(".list-end").getByRole("button", { name: "Try again" }).click();
  await expect.poll(() => page.locator(".list").evaluate((pane) => pane.scrollHeight)).toBeGreaterThan(before);
});

test("an answer of another shape does not take the page away", async ({ page, open, server }) => {
  await server.fault({ path: "servers", raw: '{"items":[{"id":"x"}],"next":null}' });
  await open("#/servers");
  await expect(page.getByRole("alert")).toContainText("The page made a mistake");
  await page.getByRole("link", { name: "MCP Sessions", exact: true }).click();
  await expect(rows(page).first()).toBeVisible();
});

test("days that could not be read are named", async ({ page, open, server }) => {
  const list = await server.api("sessions?limit=5");
  await server.fault({ path: "sessions", raw: JSON.stringify({ ...list, next: null, warnings: [{ day: "2026-11-20", message: "the file is damaged" }] }) });
  await open("");
  await expect(page.getByText("2026-11-20 UTC is missing")).toBeVisible();
  await expect(page.getByText("the file is damaged")).toBeVisible();
  await expect(rows(page)).toHaveCount(5);
});

test("a session, a call and a server that are gone say so", async ({ page, open }) => {
  await open("#/session/2020-01-01.1");
  await expect(page.getByText("Not there any more")).toBeVisible();
  await open("#/servers/gone");
  await expect(page.getByText("Not there any more")).toBeVisible();
  await open("#/nowhere");
  await expect(page.getByText("There is no such view")).toBeVisible();
});
