// The address is the state.

import { gzipSync } from "node:zlib";
import { calls, expect, filter, rows, test } from "../kit.js";

test("a link shows another what one sees", async ({ page, open, browser }) => {
  await open("#/sessions?range=7d");
  await filter(page, "MCP server", "billing.example.com/mcp");
  await filter(page, "Primitive", "refund");
  await rows(page).nth(1).click();
  await expect(calls(page).first()).toBeVisible();
  await page.locator(".session-side").getByRole("link", { name: /list_invoices/ }).click();
  await expect(calls(page).first()).toContainText("list_invoices");
  await calls(page).first().click();
  await expect(page.locator(".call-body dl.facts")).toBeVisible();
  const seen = async (one) => ({ list: await rows(one).locator("a").evaluateAll((links) => links.map((link) => link.textContent)), calls: await calls(one).allInnerTexts(), call: await one.locator(".call-title").innerText() });
  const mine = await seen(page);

  const other = await (await browser.newContext({ timezoneId: "Europe/Berlin", viewport: { width: 1440, height: 900 } })).newPage();
  await other.goto(page.url());
  await expect(other.locator(".call-body dl.facts")).toBeVisible();
  await expect.poll(() => seen(other)).toEqual(mine);
  await other.context().close();
});

test("back and forward go through what was opened", async ({ page, open }) => {
  await open("#/sessions?range=7d");
  await rows(page).nth(0).click();
  await expect(calls(page).first()).toBeVisible();
  await calls(page).nth(1).click();
  await expect(page.locator(".call-body dl.facts")).toBeVisible();
  await page.goBack();
  await expect(page.locator(".call")).toHaveCount(0);
  await page.goBack();
  await expect(page.locator(".session")).toHaveCount(0);
  await page.goForward();
  await expect(page.locator(".session")).toBeVisible();
});

test("the link of a session and of a call stand alone", async ({ page, open, context, server }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const { items } = await server.api("sessions?control=only%20admins%20delete&limit=1");
  await open(`#/sessions?range=7d&attack=any&session=${items[0].id}&call=${items[0].id}.6`);
  await page.locator(".session-head").getByRole("button", { name: "Copy link" }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`${server.url}#/session/${items[0].id}`);
  await page.locator(".call-head").getByRole("button", { name: "Copy link" }).click();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(link).toBe(`${server.url}#/session/${items[0].id}?call=${items[0].id}.6`);
  await page.goto("about:blank");
  await page.goto(link);
  await expect(page.locator(".attack-note")).toContainText("ACL violation, blocked");
  await expect(calls(page)).toHaveCount(6);
});

test("the same tool in all sessions", async ({ page, open, server }) => {
  const { items } = await server.api("sessions?control=only%20admins%20delete&limit=1");
  await open(`#/session/${items[0].id}?call=${items[0].id}.6&range=7d`);
  await page.getByRole("link", { name: "Same tool, all sessions" }).click();
  await expect.poll(() => new URL(page.url()).hash).toBe("#/sessions?range=7d&method=tools%2Fcall&primitive=delete_account&server=crm.example.com%2Fmcp");
  await expect(rows(page).nth(3)).toBeVisible();
});

test("what is exported is what is shown", async ({ page, open }) => {
  await open("#/sessions?range=7d&user=priya%40example.com");
  await page.getByRole("button", { name: "Export" }).click();
  const href = await page.getByRole("link", { name: "Calls as CSV" }).getAttribute("href");
  expect(href).toMatch(/^api\/v1\/calls\?user=priya%40example\.com&from=[^&]+&format=csv$/);
});

test("all of the page is less than 150 kB, compressed", async ({ open, page, server }) => {
  await open("");
  await expect(rows(page).first()).toBeVisible();
  const parts = (await server.log()).requests.filter((path) => path === "" || path.startsWith("assets/"));
  expect(parts.length).toBeGreaterThan(2);
  let bytes = 0;
  for (const path of new Set(parts)) bytes += gzipSync(Buffer.from(await (await fetch(server.url + path)).arrayBuffer())).length;
  expect(bytes).toBeLessThan(150_000);
});

test("the page works under any prefix", async ({ page, open, server }) => {
  await open("");
  await expect(rows(page).first()).toBeVisible();
  for (const path of (await server.log()).requests) expect(path).toMatch(/^(|assets\/[\w.-]+|api\/v1\/.*)$/);
});
test.use({ world: ["--prefix", "/a/b-c/d/"] });
