// A call's documents: fold, search, copy, masks, cuts.

import { calls, expect, rows, test } from "../kit.js";

const region = (page, name) => page.getByRole("region", { name, exact: true });

/** The call that holds everything: nested, long, JSON in text. */
async function openPayload({ open, server }) {
  const { items } = await server.api("sessions?q=mcp-xss&limit=1");
  await open(`#/session/${items[0].id}?call=${items[0].id}.24`);
}

test("folds and unfolds, to any depth", async ({ page, open, server }) => {
  await openPayload({ open, server });
  const tree = region(page, "Arguments");
  const lines = tree.locator(".json-line");
  await tree.getByRole("button", { name: "Fold", exact: true }).click();
  await expect(lines).toHaveCount(1);
  await tree.getByRole("button", { name: "Unfold" }).click();
  await expect.poll(() => lines.count()).toBeGreaterThan(200);
  await expect(tree.getByText("deeper").last()).toBeAttached();
});

test("search finds keys and values and goes from one to the next", async ({ page, open, server }) => {
  await openPayload({ open, server });
  const tree = region(page, "Arguments");
  await tree.getByRole("searchbox").fill("surrogate");
  await expect(tree.getByRole("status").filter({ hasText: "1/" })).toBeVisible();
  await expect(tree.locator(".current")).toBeInViewport();
  await page.keyboard.press("Enter");
  await expect(tree.getByRole("status").filter({ hasText: "2/" })).toBeVisible();
  await tree.getByRole("searchbox").fill("not in there");
  await expect(tree.getByText("none", { exact: true })).toBeVisible();
});

test("copies what it shows, with nothing invisible in it", async ({ page, open, server, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await openPayload({ open, server });
  await region(page, "Arguments").getByRole("button", { name: "Copy arguments" }).click();
  await expect(page.getByText("arguments copied")).toBeAttached();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  expect(text).not.toMatch(/[\u200b-\u200f\u202a-\u202e\u2066-\u2069]/);
  expect(JSON.parse(text).list[0]).toBe('<script>alert("mcp-xss")</script>');
  // Digits that JavaScript's numbers cannot hold are kept.
  expect(text).toContain("12345678901234567890,");
});

test("masked and cut values say so", async ({ page, open, server }) => {
  const { items } = await server.api("calls?primitive=create_note&limit=1");
  await open(`#/session/${items[0].session}?call=${items[0].id}`);
  const tree = region(page, "Arguments");
  await expect(tree.getByText("truncated")).toBeVisible();
  await expect(tree.locator(".cut")).toHaveText("… 1312 bytes more");
  const account = (await server.api("calls?primitive=get_account&outcome=ok&limit=1")).items[0];
  await open(`#/session/${account.session}?call=${account.id}`);
  await expect(region(page, "Result").locator(".mask").first()).toHaveText("••••");
  const shaped = (await server.api("calls?primitive=list_issues&outcome=ok&limit=1")).items[0];
  await open(`#/session/${shaped.session}?call=${shaped.id}`);
  await expect(region(page, "Result").getByText("shape only")).toBeVisible();
});

test("rounds of one call lead to each other", async ({ page, open, server }) => {
  const { items } = await server.api("calls?outcome=input_required&limit=1");
  await open(`#/session/${items[0].session}?call=${items[0].id}`);
  await page.getByText("Continued with the input by").getByRole("link").click();
  await expect(page.getByText("Answers the input asked for by")).toBeVisible();
  await expect(calls(page).locator(".round").first()).toBeAttached();
});

test("a server's page and an agent's day lead to their sessions", async ({ page, open }) => {
  await open("#/servers?range=7d");
  await page.getByRole("link", { name: "crm.example.com/mcp" }).click();
  await expect(page.getByText("What was found in its calls")).toBeVisible();
  await expect(page.getByText("mcp_user", { exact: true })).toBeVisible();
  await page.getByRole("row", { name: /delete_account/ }).getByRole("link", { name: /^\d+$/ }).click();
  await expect.poll(() => new URL(page.url()).hash).toBe("#/sessions?range=7d&server=crm.example.com%2Fmcp&primitive=delete_account");
  await expect(rows(page).first()).toBeVisible();

  await open("#/agents?range=7d");
  await page.getByRole("columnheader", { name: "Calls" }).getByRole("button").click();
  await page.getByRole("row", { name: /ci-bot/ }).first().getByRole("link").first().click();
  await expect(page.locator(".lane a").first()).toBeVisible();
  await page.locator(".lane a").first().click();
  await expect(calls(page).first()).toBeVisible();
});

test("of a session's parameters, the one that groups it is marked", async ({ page, open, server }) => {
  const side = page.locator(".session-side");
  const { items } = await server.api("sessions?id_source=configured&limit=1");
  await open(`#/session/${items[0].id}`);
  const marked = side.locator(".facts > div", { has: page.getByText("grouping key") });
  await expect(marked).toHaveCount(1);
  await expect(marked).toContainText("conversation");
  await expect(side).toContainText("grouped by conversation");
  const derived = (await server.api("sessions?id_source=derived&user=*&server=docs.example.com%2Fmcp&limit=1")).items[0];
  await open(`#/session/${derived.id}`);
  await expect(side).toContainText("grouped by user and client");
  await expect(marked).toHaveCount(0);
});

test("a call to a tool that was never listed is marked, in the list and alone", async ({ page, open, server }) => {
  const { items } = await server.api("calls?primitive=export_ledger&limit=1");
  await open(`#/session/${items[0].session}?call=${items[0].id}`);
  await expect(page.locator(".call-head").getByText("never listed")).toBeVisible();
  await expect(calls(page).filter({ hasText: "export_ledger" }).first().getByText("never listed")).toBeVisible();
  await expect(calls(page).filter({ hasNotText: "export_ledger" }).getByText("never listed")).toHaveCount(0);
});

test("the list of MCP servers tells what each lists", async ({ page, open }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await open("#/servers?range=7d");
  const row = page.getByRole("row", { name: /crm\.example\.com/ });
  await expect(row).toBeVisible();
  for (const [title, wanted] of [["Tools", "7"], ["Resources", "1"], ["Prompts", "1"]]) {
    const at = await page.getByRole("columnheader").evaluateAll((all, name) => all.findIndex((one) => one.textContent.trim().startsWith(name)), title);
    await expect(row.locator("th, td").nth(at)).toHaveText(wanted);
  }
});

test("the recorder tells what the catalogue has no room for, and what a day has lost", async ({ page, open }) => {
  await open("#/recorder");
  const catalogue = page.getByRole("region", { name: "Catalogue" });
  for (const text of ["23 primitives in 27 versions", "of 10,000", "Lists cut", "raise it", "Changes too fast", "more than 6 times in an hour"]) await expect(catalogue).toContainText(text);
  await expect(catalogue).not.toContainText("Named twice");
  await expect(page.getByText("attacks only").first()).toBeVisible();
  await expect(page.getByText("only attacked calls are kept. Its other calls are gone")).toBeVisible();
});

test("the recorder's losses are told with what helps", async ({ page, open }) => {
  await open("#/recorder");
  await expect(page.getByText("3 exchanges lost since nginx was started")).toBeVisible();
  await expect(page.getByText("Worker killed")).toBeVisible();
  await expect(page.getByRole("table", { name: "Days on disk" }).getByRole("row")).toHaveCount(8);
});
