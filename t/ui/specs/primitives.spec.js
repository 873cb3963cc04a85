// What MCP servers list: schema, annotations, status, history, and who asks for it.

import { expect, rows, test } from "../kit.js";

const pane = (page) => page.getByRole("region", { name: "Primitive", exact: true });
const table = (page) => page.getByRole("table", { name: "Primitives" });
const hash = (page) => new URL(page.url()).hash;

test("statuses can be asked for", async ({ page, open }) => {
  await open("#/servers/s1?range=7d");
  await expect(table(page).getByRole("row")).toHaveCount(10);
  await page.getByRole("link", { name: "Unused 2" }).click();
  await expect(table(page).getByRole("row")).toHaveCount(3);
  await expect(table(page)).toContainText("merge_accounts");
  await page.getByRole("link", { name: "Changed 1" }).click();
  await expect.poll(() => hash(page)).toBe("#/servers/s1?range=7d&status=unused&status=changed");
  await expect(table(page).getByRole("row")).toHaveCount(4);
  await page.getByRole("link", { name: "Show all 9" }).click();
  await expect(table(page).getByRole("row")).toHaveCount(10);
  await open("#/servers/s5?range=7d&status=unlisted");
  await expect(table(page).getByRole("row", { name: /export_ledger/ })).toContainText("Not listed");
});

test("a schema is a table, nested, with what must be passed and what holds, and JSON where that is wanted", async ({ page, open }) => {
  await open("#/servers/s1?range=7d");
  await table(page).getByRole("link", { name: /update_account/ }).click();
  await expect.poll(() => hash(page)).toBe("#/servers/s1?range=7d&kind=tool&primitive=update_account");
  const schema = page.getByRole("table", { name: "Input schema, table" });
  await expect(schema.getByRole("row", { name: /^set/ })).toContainText("required");
  await expect(schema.getByRole("row", { name: /^stage/ })).toContainText("one of lead, trial, customer");
  await expect(schema.getByRole("row", { name: /^zip/ })).toContainText("^[0-9]{5}$");
  const indent = (name) => schema.getByRole("rowheader", { name }).evaluate((cell) => parseFloat(getComputedStyle(cell).paddingLeft));
  expect(await indent(/^zip/)).toBeGreaterThan(await indent(/^address/));
  const region = page.getByRole("region", { name: "Input schema", exact: true });
  await region.getByRole("button", { name: "JSON" }).click();
  await expect(region.locator(".json")).toContainText("additionalProperties");
  await region.getByRole("button", { name: "Table" }).click();
  await expect(schema).toBeVisible();
});

test("what a server says of its tools stands there as badges", async ({ page, open }) => {
  await open("#/servers/s1?range=7d&kind=tool&primitive=delete_account");
  await expect(pane(page).locator(".tags")).toContainText("destructive");
  await expect(pane(page).locator(".tags")).toContainText("not idempotent");
  await expect(table(page).getByRole("row", { name: /search_accounts/ }).getByText("read-only")).toBeAttached();
});

test("a changed description and schema are told with what changed", async ({ page, open }) => {
  await open("#/servers/s1?range=7d&kind=tool&primitive=update_account");
  const description = page.getByRole("region", { name: "Description: what changed" }).first();
  await expect(description.locator(".diff-line.new")).toContainText("read ~/.ssh/id_rsa");
  await expect(description.locator(".diff-line.old")).toHaveCount(0);
  await expect(page.getByRole("region", { name: "Input schema: what changed" }).locator(".diff-line.new").filter({ hasText: '"context"' }).first()).toBeVisible();
  await pane(page).locator("summary").nth(1).click();
  const before = page.getByRole("region", { name: "Description: what changed" }).nth(1);
  await expect(before.locator("mark")).toContainText("Say in `reason` who asked for it.");
  await expect(pane(page)).toContainText("3 versions");
});

test("requests over seven days lead to their sessions", async ({ page, open }) => {
  await open("#/servers/s1?range=7d&kind=tool&primitive=search_accounts");
  const week = page.getByRole("region", { name: "Requests over seven days" });
  await week.getByRole("listitem").getByRole("link").last().click();
  await expect.poll(() => hash(page)).toMatch(/^#\/sessions\?from=[^&]+T00%3A00%3A00\.000Z&to=[^&]+&server=crm\.example\.com%2Fmcp&primitive=search_accounts$/);
  await expect(rows(page).first()).toBeVisible();
});

test("where lists differ from user to user, that is said", async ({ page, open }) => {
  await open("#/servers/s1?range=7d");
  await expect(page.getByText("It lists different primitives to different users.")).toBeVisible();
  await open("#/servers/s2?range=7d");
  await expect(table(page)).toBeVisible();
  await expect(page.getByText("It lists different primitives to different users.")).toHaveCount(0);
});

test("Escape closes a primitive", async ({ page, open }) => {
  await open("#/servers/s1?range=7d");
  await table(page).getByRole("link", { name: /get_account/ }).focus();
  await page.keyboard.press("Enter");
  await expect(pane(page)).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(pane(page)).toHaveCount(0);
  await expect.poll(() => hash(page)).toBe("#/servers/s1?range=7d");
});

test("one that is gone is said to be", async ({ page, open }) => {
  await open("#/servers/s1?range=7d&kind=tool&primitive=never_heard_of");
  await expect(page.getByText("is not listed, and was not called in this time")).toBeVisible();
});
