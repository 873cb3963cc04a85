// The page as the module serves it, from what passed through nginx a moment ago.

import { calls, expect, filter, rows } from "../kit.js";
import { test } from "../nginx.js";
import { marks } from "../../../src/console/ui/dev/hostile.mjs";

test.skip(!process.env.TEST_MCP_MODULE, "TEST_MCP_MODULE names no module");

test("who called delete_account, as whom, with what, and what came back", async ({ page, nginx, visit }) => {
  const alice = await nginx.begin({ user: "alice@example.com", role: "support" });
  await alice.call("search", { q: "halden" });
  const olu = await nginx.begin({ user: "olu@partner.example", role: "guest", client: "mcp-python", version: "1.30" });
  await olu.call("delete_account", { id: 417, password: "hunter2", fail: "account has open invoices" });
  await olu.end();
  await expect.poll(async () => (await nginx.api("sessions")).items.length).toBe(2);
  await expect.poll(async () => (await nginx.api("sessions?primitive=delete_account&outcome=tool_error&state=ended")).items.length).toBe(1);

  await visit("");
  await expect(rows(page)).toHaveCount(2);
  await filter(page, "Primitive", "delete_account");
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page).first()).toContainText("olu@partner.example");
  // Of the session: a call that another worker took at once may not know the client yet.
  await expect(rows(page).first()).toContainText("mcp-python 1.30");
  await rows(page).first().click();
  await expect(calls(page)).toHaveCount(1);
  await page.getByRole("link", { name: /Show all 2 requests/ }).click();
  await expect(calls(page)).toHaveCount(2);
  await calls(page).last().click();
  const call = page.getByRole("region", { name: "Call", exact: true });
  await expect(call.getByRole("region", { name: "Arguments" })).toContainText("417");
  await expect(call.getByRole("region", { name: "Arguments" }).locator(".mask")).toBeVisible();
  await expect(call).toContainText("account has open invoices");
  expect(await page.content()).not.toContain("hunter2");
});

test("a live session grows, and a new one is announced", async ({ page, nginx, visit }) => {
  const alice = await nginx.begin({ user: "alice@example.com" });
  await alice.call("search");
  await expect.poll(async () => (await nginx.api("calls")).items.length).toBe(2);
  await visit("");
  await expect(rows(page)).toHaveCount(1);
  await expect(page.locator(".live.on")).toBeVisible();
  await rows(page).first().click();
  await expect(calls(page)).toHaveCount(2);
  await alice.call("update_account");
  await expect(calls(page)).toHaveCount(3);
  await alice.call("update_account", { fail: "no" });
  await expect(calls(page)).toHaveCount(4);
  await expect(page.locator(".session-sums")).toContainText("1 error");

  await (await nginx.begin({ user: "priya@example.com" })).call("search");
  await page.getByRole("button", { name: "1 new session. Show" }).click();
  await expect(rows(page)).toHaveCount(2);
  await expect(rows(page).first()).toContainText("priya@example.com");
});

test("hostile traffic is text, in every view", async ({ page, nginx, visit }) => {
  const evil = await nginx.begin({ user: "<script>alert(1)</script>", role: '"><img src=x onerror=alert(1)>', tenant: "<b>x", client: marks[8], version: marks[2] });
  for (const mark of marks) await evil.call(mark.toWellFormed?.() ?? mark, { mark, [mark]: mark, fail: mark });
  await expect.poll(async () => (await nginx.api("calls?limit=100")).items.length).toBe(marks.length + 1);
  const [{ id }] = (await nginx.api("sessions")).items;
  const [server] = (await nginx.api("servers")).items;
  for (const view of ["sessions", `session/${id}`, "servers", `servers/${server.id}`, "agents", "recorder"]) {
    await visit(`#/${view}`);
    await expect(page.locator("[data-row], .grid, .days").first()).toBeVisible();
    expect(await page.evaluate(() => document.querySelectorAll("#app script, #app img, #app iframe, #app [onerror], #app [onload]").length)).toBe(0);
  }
  await visit(`#/session/${id}`);
  await calls(page).first().click();
  for (let n = 0; n < marks.length; n++) {
    await page.getByRole("link", { name: "Call after" }).click();
    await expect(page.getByRole("region", { name: "Arguments" })).toBeVisible();
    expect(await page.evaluate(() => document.body.innerText)).not.toMatch(/[\u0000-\u0008\u000e-\u001f\u202a-\u202e\u2066-\u2069\u200b\ufeff]/);
  }
});

test("a server's page shows its configuration, with file and line", async ({ page, nginx, visit }) => {
  await (await nginx.begin({ user: "alice@example.com" })).call("search");
  await expect.poll(async () => (await nginx.api("calls")).items.length).toBe(2);
  await visit("#/servers");
  await page.getByRole("link", { name: "crm" }).click();
  await expect(page.getByText("What was found in its calls")).toBeVisible();
  await expect(page.getByRole("rowheader", { name: "mcp_user" })).toBeVisible();
  await expect(page.getByText(/nginx\.conf:\d+/).first()).toBeVisible();
});
