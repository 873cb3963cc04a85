// Everything from traffic is text. The corpus is in src/console/ui/dev/hostile.mjs; the kit watches
// for dialogs, requests, windows, policy reports and errors.

import { calls, expect, rows, test } from "../kit.js";

const BIDI = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

async function hostileSession(server) {
  const { items } = await server.api("sessions?q=mcp-xss&limit=1");
  return items[0];
}

async function expectHarmless(page) {
  expect(await page.evaluate(() => document.querySelectorAll("#app script, #app iframe, #app img, #app style, #app link, #app object, #app [onerror], #app [onload], #app a[href^='javascript']").length)).toBe(0);
  const text = await page.evaluate(() => document.body.innerText);
  expect(text).not.toMatch(BIDI);
  const titles = await page.evaluate(() => [...document.querySelectorAll("[title], [aria-label]")].map((node) => `${node.getAttribute("title")} ${node.getAttribute("aria-label")}`).join(" "));
  expect(titles).not.toMatch(BIDI);
  // Nothing inherited from a document of the traffic either.
  expect(await page.evaluate(() => ({}).polluted)).toBe(undefined);
}

test("in the list, its filters and its cards", async ({ page, open }) => {
  await open("#/sessions?range=1h&q=mcp-xss");
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page).first()).toContainText('<script>alert("mcp-xss")</script>');
  await expectHarmless(page);
  for (const field of ["MCP server", "User", "Role", "Client", "Method", "Primitive", "Session id"]) {
    await page.getByRole("button", { name: new RegExp(`^${field}`) }).first().click();
    await expect(page.getByRole("option").first()).toBeVisible();
    await expectHarmless(page);
    await page.keyboard.press("Escape");
  }
  await page.setViewportSize({ width: 360, height: 740 });
  await expect(page.locator(".card")).toHaveCount(1);
  await expectHarmless(page);
});

test("as chosen filters and in the address itself", async ({ page, open }) => {
  const evil = encodeURIComponent('<img src=x onerror=alert("mcp-xss")>\u202E');
  await open(`#/sessions?range=7d&user=${evil}&primitive=${evil}&param.x=${evil}&q=${evil}`);
  await expect(page.getByText("Nothing matches")).toBeVisible();
  await expectHarmless(page);
  await open(`#/sessions?session=${evil}&call=${evil}`);
  await expect(page.getByText("Not there any more").first()).toBeVisible();
});

test("in a session and each of its calls", async ({ page, open, server }) => {
  test.setTimeout(120_000);
  const part = await hostileSession(server);
  await open(`#/session/${part.id}`);
  await expect(calls(page)).toHaveCount(24);
  await expectHarmless(page);
  await calls(page).first().click();
  for (let n = 1; n < 24; n++) {
    await page.getByRole("link", { name: "Call after" }).click();
    await expect(page.locator(".call-body .json, .call-body .note").first()).toBeVisible();
    await expectHarmless(page);
  }
  // The last call holds all of the corpus: unfolded, searched, shown as JSON.
  const tree = page.getByRole("region", { name: "Arguments" });
  await tree.getByRole("button", { name: "Unfold" }).click();
  await tree.getByRole("button", { name: "As JSON" }).first().click();
  await tree.getByRole("button", { name: /Show all 5,000/ }).first().click();
  await expect(tree).toContainText("__proto__");
  await tree.getByRole("searchbox").fill("mcp-xss");
  await expect(tree.locator(".match").first()).toBeVisible();
  await expectHarmless(page);
});

test("among servers and agents", async ({ page, open, server }) => {
  await open("#/servers");
  await expect(page.getByText("<iframe srcdoc=")).toBeVisible();
  await expectHarmless(page);
  await page.getByRole("link", { name: /iframe srcdoc/ }).click();
  await expect(page.getByRole("table", { name: "Primitives" })).toBeVisible();
  await expectHarmless(page);
  await open("#/agents");
  await page.getByRole("link", { name: /<script>/ }).click();
  await expect(page.locator(".lane").first()).toBeVisible();
  await expectHarmless(page);
  expect((await server.log()).reports).toEqual([]);
});

test("among attacks, in each of their evidence", async ({ page, open, server }) => {
  const { items } = await server.api("attacks?q=mcp-xss&limit=50");
  expect(items).toHaveLength(20);
  await open("#/attacks?range=1h&q=mcp-xss");
  await expect(rows(page)).toHaveCount(20);
  await expectHarmless(page);
  for (const field of ["Control", "Primitive", "MCP server"]) {
    await page.getByRole("button", { name: new RegExp(`^${field}`) }).first().click();
    await expect(page.getByRole("option").first()).toBeVisible();
    await expectHarmless(page);
    await page.keyboard.press("Escape");
  }
  for (const { id } of items) {
    await open(`#/attack/${id}`);
    await expect(page.locator(".evidence .json")).toBeVisible();
    await expectHarmless(page);
  }
  const body = page.getByRole("region", { name: "Body" });
  await body.getByRole("button", { name: "Unfold" }).click();
  await expect(body).toContainText("polluted");
  await page.getByRole("button", { name: "Text", exact: true }).click();
  await expectHarmless(page);
  await page.getByRole("link", { name: /^<script>/ }).click();
  await expect(page.getByRole("region", { name: "Control", exact: true })).toContainText("<style>*{display:none}</style>");
  await expectHarmless(page);
});

test("in what MCP servers list: names, descriptions, schemas, annotations, history", async ({ page, open, server }) => {
  const evil = (await server.api("servers")).items.find(({ id }) => id.startsWith("x"));
  for (const mark of ['<script>alert("mcp-xss")</script>', "__proto__"]) {
    await open(`#/servers/${evil.id}?range=7d&kind=tool&primitive=${encodeURIComponent(mark)}`);
    await expect(page.getByRole("table", { name: "Primitives" })).toBeVisible();
    const primitive = page.getByRole("region", { name: "Primitive", exact: true });
    await expect(primitive.locator(".diff-line").first()).toBeVisible();
    await expectHarmless(page);
    for (const summary of await primitive.locator("details:not([open]) summary").all()) await summary.click();
    await expectHarmless(page);
  }
  // A schema of a thousand arguments, cycles and depth: a bounded table, and all of it as JSON.
  await open(`#/servers/${evil.id}?range=7d&kind=tool&primitive=${encodeURIComponent('<script>alert("mcp-xss")</script>')}`);
  const schema = page.getByRole("region", { name: "Input schema", exact: true });
  await expect(schema.getByText("There is more in it than a table can show")).toBeVisible();
  await schema.getByRole("button", { name: /Show all \d+ rows/ }).click();
  expect(await schema.getByRole("row").count()).toBeLessThan(450);
  await expectHarmless(page);
  await schema.getByRole("button", { name: "JSON" }).click();
  await expect(schema.locator(".json-line").first()).toBeVisible();
  await expectHarmless(page);
});

test("in problem documents", async ({ page, open, server }) => {
  await server.fault({ path: "sessions", status: 400, body: { title: '<img src=x onerror=alert("mcp-xss")>', detail: "\u202Eevil\u0007" } });
  await open("");
  await expect(page.getByRole("alert")).toContainText("<img src=x");
  await expectHarmless(page);
});
test.use({ expectsErrors: true });
