import { expect, filter, rows, settled, test } from "../kit.js";

/** Every filter: its pill, its parameter, and a value that the world has. */
const FILTERS = [
  ["MCP server", "server", "billing.example.com/mcp"],
  ["User", "user", "priya@example.com"],
  ["Role", "role", "finance"],
  ["Client", "client", "cursor"],
  ["Method", "method", "resources/read"],
  ["Primitive", "primitive", "run_query"],
  ["Outcome", "outcome", "tool error", "tool_error"],
  ["HTTP status", "status", "502"],
  ["Attack", "attack", "ACL violation"],
  ["Control", "control", "only admins delete"],
  ["Session status", "state", "ended"],
  ["Id found in", "id_source", "derived"],
];

for (const [title, name, shown, value = shown] of FILTERS) {
  test(`${title} filters the list, and says so in the address`, async ({ page, open, server }) => {
    await open("#/sessions?range=7d");
    const [pill] = [page.getByRole("button", { name: new RegExp(`^${title}`) }).first()];
    await pill.click();
    const panel = page.getByRole("dialog", { name: new RegExp(`^Filter by ${title}`) });
    await panel.getByRole("option", { name: shown }).first().click();
    await page.keyboard.press("Escape");
    await expect.poll(() => new URL(page.url()).hash).toContain(`${name}=${new URLSearchParams({ v: value }).toString().slice(2)}`);
    await settled(page);
    const expected = await server.api(`facets?${new URLSearchParams({ from: new Date(Date.now() - 7 * 86_400_000).toISOString(), [name]: value, field: "state" })}`);
    await expect(page.locator(".totals")).toContainText(`${expected.sessions} session`);
    if (expected.sessions <= 20) await expect(rows(page)).toHaveCount(expected.sessions);
    else await expect(rows(page).first()).toBeVisible();

    await page.getByRole("button", { name: `Remove filter ${title}` }).click();
    await expect.poll(() => new URL(page.url()).hash).toBe("#/sessions?range=7d");
  });
}

test("several values of one filter are any of them, different filters are all of them", async ({ page, open, server }) => {
  await open("#/sessions?range=7d");
  await filter(page, "Primitive", "refund");
  await filter(page, "Primitive", "export_ledger");
  await filter(page, "Outcome", "tool error");
  const from = new Date(Date.now() - 7 * 86_400_000).toISOString();
  const expected = await server.api(`facets?from=${from}&primitive=refund&primitive=export_ledger&outcome=tool_error&field=state`);
  await expect(page.locator(".totals")).toContainText(`${expected.sessions} session`);
  await expect(page.locator(".totals")).toContainText(`${expected.calls} call`);
  // A session says how many of its calls match.
  await expect(rows(page).first().locator(".sums")).toHaveAttribute("title", /match of/);
  await page.getByRole("button", { name: "Clear 2 filters" }).click();
  await expect.poll(() => new URL(page.url()).hash).toBe("#/sessions?range=7d");
});

test("free text searches primitives, users and session ids", async ({ page, open }) => {
  await open("#/sessions?range=7d");
  await page.keyboard.press("/");
  await page.keyboard.type("priya");
  await expect.poll(() => new URL(page.url()).hash).toContain("q=priya");
  await settled(page);
  for (const row of await rows(page).all()) await expect(row).toContainText("priya@example.com");
});

test("only with a user, and only without", async ({ page, open }) => {
  await open("#/sessions?range=7d");
  await page.getByRole("button", { name: "User" }).first().click();
  await page.getByRole("option", { name: "only with a user" }).click();
  await page.keyboard.press("Escape");
  await expect.poll(() => new URL(page.url()).hash).toContain("user=*");
  await settled(page);
  await expect(rows(page).first()).toBeVisible();
  await expect(rows(page).locator(".c-user .none")).toHaveCount(0);
});

test("a filter that a link brought and that has no pill can be removed", async ({ page, open }) => {
  await open("#/sessions?range=7d&param.tenant=acme");
  await expect(page.getByText("param.tenant")).toBeVisible();
  await page.getByRole("button", { name: "Remove filter param.tenant" }).click();
  await expect.poll(() => new URL(page.url()).hash).toBe("#/sessions?range=7d");
});

test("dragging over the chart selects a range", async ({ page, open }) => {
  await open("#/sessions?range=7d");
  await settled(page);
  const chart = page.locator(".chart .u-over");
  const at = async (share) => {
    const { width } = await chart.evaluate((node) => node.getBoundingClientRect());
    await chart.hover({ position: { x: width * share, y: 20 } });
  };
  await at(0.5);
  await page.mouse.down();
  await at(0.6);
  await at(0.7);
  await page.mouse.up();
  await expect.poll(() => new URL(page.url()).hash).toMatch(/from=.*&to=/);
  const params = new URLSearchParams(new URL(page.url()).hash.split("?")[1]);
  const days = (Date.parse(params.get("to")) - Date.parse(params.get("from"))) / 86_400_000;
  expect(days).toBeGreaterThan(1.3);
  expect(days).toBeLessThan(1.5);
  await expect(page.getByText("Fixed time")).toBeVisible();
});

test("from and to are typed in the browser's zone", async ({ page, open, server }) => {
  await open("");
  await page.getByRole("button", { name: "Today" }).click();
  await page.getByLabel("From").fill("2026-06-01T10:00:01");
  await page.getByLabel("To", { exact: true }).fill("2026-06-01T09:00:01");
  await page.getByRole("button", { name: "Show" }).click();
  await expect(page.getByRole("alert")).toContainText("earlier");
  await page.getByLabel("To", { exact: true }).fill("2026-06-01T11:00:01");
  await page.getByRole("button", { name: "Show" }).click();
  // Berlin is two hours before UTC in summer.
  await expect.poll(async () => (await server.log()).requests.filter((path) => path.startsWith("api/v1/sessions?")).pop()).toContain("from=2026-06-01T08%3A00%3A01.000Z&to=2026-06-01T09%3A00%3A01.000Z");
});
