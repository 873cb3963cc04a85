// Controls: what each made of the calls of seven days, its text, and what block mode would do.

import { expect, rows, test } from "../kit.js";

const pane = (page) => page.getByRole("region", { name: "Control", exact: true });
const row = (page, name) => page.getByRole("table", { name: "Controls" }).getByRole("row", { name });
const hash = (page) => new URL(page.url()).hash;

test("each control stands there with its mode, its place, and what it judged, denied and blocked", async ({ page, open, server }) => {
  const { items } = await server.api("controls");
  await open("#/controls");
  await expect(page.getByRole("table", { name: "Controls" }).getByRole("row")).toHaveCount(items.length + 1);
  const listed = items.find(({ title }) => title === "as listed");
  for (const text of ["tool schema", "block", "billing.conf:22", listed.judged.toLocaleString("en"), String(listed.denied), String(listed.blocked), String(listed.unjudged)]) await expect(row(page, /as listed/)).toContainText(text);
  await expect(row(page, /as listed/).getByRole("img")).toHaveAttribute("aria-label", new RegExp(`${listed.days[6].day}: [\\d,]+ calls?`));
  await expect(row(page, /working hours/)).toContainText("not in force");
  await expect(row(page, /Protocol check/)).toContainText("monitoring");
  await page.getByRole("columnheader", { name: "Blocked" }).getByRole("button").click();
  await expect(page.getByRole("table", { name: "Controls" }).getByRole("row").nth(1)).toContainText("as listed");
});

test("one that only watches says what block mode would have done", async ({ page, open, server }) => {
  const { items } = await server.api("controls");
  const watching = items.find(({ title }) => title === "our tenants, reading");
  await open("#/controls");
  const hints = page.getByRole("list", { name: "Before you switch to block" });
  await expect(hints).toContainText(`our tenants, reading would have blocked ${watching.denied} calls of ${watching.judged.toLocaleString("en")} in seven days.`);
  await expect(hints).toContainText("analysts read would have blocked none of");
  await expect(hints).not.toContainText("as listed");
  await expect(hints).not.toContainText("working hours");
  await hints.getByRole("listitem").filter({ hasText: "our tenants" }).getByRole("link").click();
  await expect.poll(() => hash(page)).toMatch(/^#\/attacks\?from=[^&]+T00%3A00%3A00\.000Z&to=[^&]+&attack=MCP\+request\+verification\+failure&control=our\+tenants%2C\+reading$/);
  await expect(rows(page).first()).toContainText("our tenants, reading");
});

test("a control's text, and its days, which lead to their attacks", async ({ page, open, server }) => {
  await open("#/controls");
  await row(page, /our tenants, reading/).getByRole("link").click();
  await expect.poll(() => hash(page)).toBe("#/controls?type=MCP+request+verification+failure&control=our+tenants%2C+reading");
  await expect(pane(page)).toContainText("require_scope $mcp_jwt_scope any mcp:read mcp:write;");
  await expect(pane(page)).toContainText("In block mode it would have blocked");
  const day = pane(page).getByRole("table", { name: "Calls by day" }).getByRole("link").first();
  const date = await day.innerText();
  await day.click();
  await expect.poll(() => hash(page)).toContain(`from=${date}T00%3A00%3A00.000Z`);
  const { items } = await server.api(`attacks?limit=500&control=our%20tenants,%20reading&from=${date}T00:00:00Z&to=${date}T23:59:59.999Z`);
  await expect(page.locator(".totals")).toContainText(`${items.length} call`);
});

test("a control is opened and left by keyboard", async ({ page, open }) => {
  await open("#/controls");
  const link = row(page, /only admins delete/).getByRole("link");
  await link.focus();
  await page.keyboard.press("Enter");
  await expect(pane(page)).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(pane(page)).toHaveCount(0);
  await expect.poll(() => hash(page)).toBe("#/controls");
});

test("a control that is gone from the store as well is said to be", async ({ page, open }) => {
  await open("#/controls?type=ACL+violation&control=no+such");
  await expect(page.getByText("is not in force, and judged nothing in seven days")).toBeVisible();
});

test("an answer that does not come can be asked for again", async ({ page, open, server }) => {
  await server.fault({ path: "controls", status: 500 });
  await open("#/controls");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("table", { name: "Controls" })).toBeVisible();
});
test.use({ expectsErrors: true });
