// Attacks: the list of all, one with its evidence, and where they stand in sessions and calls.

import { calls, expect, filter, rows, settled, test } from "../kit.js";

const pane = (page) => page.getByRole("region", { name: "Attack", exact: true });
const hash = (page) => new URL(page.url()).hash;

async function theDeletion(server) {
  return (await server.api("attacks?control=only%20admins%20delete&limit=1")).items[0];
}

/** Every filter, and a value that the world has. */
const FILTERS = [
  ["Type", "attack", "Invalid tool call"],
  ["Control", "control", "our tenants, reading"],
  ["Action", "action", "blocked"],
  ["MCP server", "server", "files.example.com/sse"],
  ["User", "user", "alice@example.com"],
  ["Client", "client", "langgraph"],
  ["Primitive", "primitive", "delete_account"],
];
for (const [title, name, value] of FILTERS) {
  const asked = `${name}=${encodeURIComponent(value)}`;
  test(`${title} filters attacks, and says so in the address`, async ({ page, open, server }) => {
    await open("#/attacks?range=7d");
    await expect(rows(page).first()).toBeVisible();
    await filter(page, title, value);
    await expect.poll(() => hash(page)).toContain(`${name}=`);
    await settled(page);
    const from = new Date(Date.now() - 7 * 86_400_000).toISOString();
    const { items } = await server.api(`attacks?from=${from}&limit=500&${asked}`);
    expect(items.length).toBeGreaterThan(0);
    await expect(page.locator(".list-end, .sessions-side tr[data-row='20']").first()).toBeAttached();
    if (items.length <= 20) await expect(rows(page)).toHaveCount(items.length);
    await expect(page.locator(".totals")).toContainText(`${new Set(items.map(({ call }) => call)).size} call`);
    await page.getByRole("button", { name: `Remove filter ${title}` }).click();
    await expect.poll(() => hash(page)).toBe("#/attacks?range=7d");
  });
}

test("an attack tells who, which control and rule, where, and shows the request", async ({ page, open, server }) => {
  await open("#/attacks?range=7d");
  await filter(page, "Control", "only admins delete");
  await expect(rows(page)).toHaveCount(1);
  await rows(page).first().click();
  for (const text of ["ACL violation, blocked", "only admins delete", "nginx.conf:17", "deny, blocked", "deny all, line 21", "olu@partner.example", "delete_account", "POST /mcp HTTP/1.1", "Bearer ••••", "allow role=admin ip=10.0.0.0/8;"]) await expect(pane(page)).toContainText(text);
  await expect(page.getByRole("region", { name: "Body" })).toContainText("417");
  await pane(page).getByRole("link", { name: "The call in its session" }).click();
  const attack = await theDeletion(server);
  await expect.poll(() => hash(page)).toBe(`#/session/${attack.session}?call=${attack.call}`);
  await expect(page.locator(".attack-note")).toContainText("ACL violation, blocked");
});

test("what the control points at is marked in the request and in the call's arguments", async ({ page, open, server }) => {
  const { items } = await server.api("attacks?attack=Invalid%20tool%20call&limit=200");
  const attack = items.find(({ point }) => point === "/params/arguments/amount_cents");
  await open(`#/attack/${attack.id}`);
  for (const text of ["/params/arguments/amount_cents", "integer", attack.found]) await expect(pane(page).locator(".why")).toContainText(text);
  await expect(page.getByRole("region", { name: "Body" }).locator(".match")).toContainText("amount_cents");
  await open(`#/session/${attack.session}?call=${attack.call}`);
  await expect(page.getByRole("region", { name: "Arguments" }).locator(".match")).toContainText("amount_cents");
});

test("a header that is objected to is marked, and a body that readers differ about is text first", async ({ page, open, server }) => {
  const { items } = await server.api("attacks?attack=Protocol%20violation&limit=1");
  await open(`#/attack/${items[0].id}`);
  await expect(pane(page).locator(".headers .match")).toContainText("Mcp-Name");
  await expect(page.getByRole("region", { name: "Body" }).locator("pre")).toContainText("// sent twice");
  await expect(pane(page)).toContainText("Protocol check");
});

test("attacks that are the same within a minute are one, with their number", async ({ page, open, server }) => {
  const { items } = await server.api("attacks?attack=Protocol%20violation&limit=200");
  const repeated = items.find(({ count }) => count === 48) ?? items.find(({ count }) => count > 1);
  await open(`#/attacks?range=7d&attack=Protocol%20violation&open=${repeated.id}`);
  await expect(pane(page).locator(".times")).toHaveText(`×${repeated.count}`);
  await expect(page.locator(".card.open .times")).toHaveText(`×${repeated.count}`);
});

test("the link of an attack stands alone, and closing leads to all of them", async ({ page, open, server, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const attack = await theDeletion(server);
  await open(`#/attacks?range=7d&control=only+admins+delete&open=${attack.id}`);
  await expect(pane(page).locator(".evidence")).toBeVisible();
  await pane(page).getByRole("button", { name: "Copy link to this attack" }).click();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(link).toBe(`${server.url}#/attack/${attack.id}`);
  await page.goto("about:blank");
  await page.goto(link);
  await expect(pane(page)).toContainText("deny all, line 21");
  await pane(page).getByRole("button", { name: "All attacks" }).click();
  await expect.poll(() => hash(page)).toBe("#/attacks");
});

test("the chart and the totals count the attacks that are wanted, not their calls", async ({ page, open, server }) => {
  const from = new Date(Date.now() - 7 * 86_400_000).toISOString();
  const all = (await server.api(`attacks?from=${from}&limit=500`)).items;
  const of = (call) => all.filter((one) => one.call === call);
  // Of these calls others object to as well.
  const type = all.find((one) => of(one.call).some(({ type }) => type !== one.type))?.type ?? "Protocol violation";
  const wanted = all.filter((one) => one.type === type);
  await open(`#/attacks?range=7d&attack=${encodeURIComponent(type)}`);
  await settled(page);
  await expect(page.locator(".totals")).toHaveText(new RegExp(`^${wanted.length} attacks\\s*in ${new Set(wanted.map(({ call }) => call)).size} calls`));
  const asked = (await server.log()).requests.findLast((path) => path.startsWith("api/v1/timeline?"));
  const { items } = await server.api(asked.slice("api/v1/".length));
  expect(items.reduce((sum, step) => sum + step.attacks, 0)).toBe(wanted.length);
  // From the last step back to the last one with an attack.
  const at = items.findLastIndex((step) => step.attacks > 0);
  await page.getByRole("application").focus();
  await page.keyboard.press("ArrowRight");
  for (let n = items.length - 1; n > at; n--) await page.keyboard.press("ArrowLeft");
  await expect(page.locator(".chart-says")).toContainText(`${items[at].attacks} attacks`);
});

test("what was done about attacks is a filter with counts", async ({ page, open, server }) => {
  await open("#/attacks?range=7d");
  await page.getByRole("button", { name: "Action", exact: true }).click();
  const from = new Date(Date.now() - 7 * 86_400_000).toISOString();
  const { values } = (await server.api(`facets?from=${from}&field=action`)).facets.action;
  expect(values.map(({ value }) => value).sort()).toEqual(["blocked", "passed"]);
  for (const { value, count } of values) await expect(page.getByRole("option", { name: new RegExp(`^${value}`) })).toContainText(String(count));
});

test("what is exported is what is shown", async ({ page, open }) => {
  await open("#/attacks?range=7d&action=blocked&server=billing.example.com%2Fmcp");
  await page.getByRole("button", { name: "Export" }).click();
  expect(await page.getByRole("link", { name: "Attacks as CSV" }).getAttribute("href")).toMatch(/^api\/v1\/attacks\?action=blocked&server=billing\.example\.com%2Fmcp&from=[^&]+&attack=any&format=csv$/);
});

test("new attacks are announced, not pushed in", async ({ page, open, server }) => {
  await server.grow();
  await open("#/attacks?range=6h");
  await expect(page.locator(".live.on")).toBeVisible();
  await expect(rows(page).first()).toBeVisible();
  await settled(page);
  const list = await server.api("attacks?limit=1");
  const before = await rows(page).count();
  const asked = async () => (await server.log()).requests.filter((path) => path.startsWith("api/v1/attacks?") && path.includes("limit=100")).length;
  // The look after the stream was opened has been answered before the news come.
  await expect.poll(asked).toBeGreaterThan(0);
  const answer = JSON.stringify({ items: [{ ...list.items[0], id: "2026-01-01.a1", at: new Date().toISOString() }], next: null });
  await server.fault({ path: "attacks", raw: answer, times: 2 });
  await server.grow();
  await expect(page.getByRole("button", { name: "1 new attack. Show" })).toBeVisible();
  expect(await rows(page).count()).toBe(before);
  await expect(page.getByRole("status").filter({ hasText: "1 new attack since" })).toBeAttached();
});

test("red numbers lead to the attacks", async ({ page, open, server }) => {
  const attack = await theDeletion(server);
  await open("#/sessions?range=7d&control=only+admins+delete");
  await expect(rows(page)).toHaveCount(1);
  await rows(page).first().getByRole("link", { name: "1", exact: true }).click();
  await expect.poll(() => hash(page)).toContain("#/attacks?");
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page).first()).toContainText("only admins delete");
  await open(`#/session/${attack.session}`);
  await page.getByRole("link", { name: "1 attack" }).click();
  await expect(rows(page)).toHaveCount(1);
  await open("#/servers?range=7d");
  await page.getByRole("row", { name: /files\.example\.com/ }).getByRole("link", { name: /^\d+$/ }).click();
  await expect.poll(() => hash(page)).toBe("#/attacks?range=7d&server=files.example.com%2Fsse");
  await expect(rows(page).first()).toBeVisible();
});

test("blocked calls are marked in the session, and each attack tells all in the call", async ({ page, open, server }) => {
  const attack = await theDeletion(server);
  await page.setViewportSize({ width: 1440, height: 900 });
  await open(`#/session/${attack.session}`);
  await expect(calls(page)).toHaveCount(6);
  await expect(calls(page).last().locator(".outcome.blocked")).toContainText("ACL violation, blocked");
  await expect(calls(page).last().locator(".fall i.blocked")).toBeVisible();
  await expect(calls(page).locator(".outcome.blocked")).toHaveCount(1);
  await calls(page).last().click();
  const note = page.locator(".attack-note");
  for (const text of ["ACL violation, blocked", "only admins delete", "nginx.conf:17", "deny, blocked", "deny all, line 21"]) await expect(note).toContainText(text);
  await note.getByRole("link", { name: "only admins delete" }).click();
  await expect(page.getByRole("region", { name: "Control", exact: true })).toContainText("deny  all;");
  await page.goBack();
  await page.locator(".attack-note").getByRole("link", { name: "Evidence" }).click();
  await expect(pane(page).locator(".evidence")).toBeVisible();
});

test("a session's facets have HTTP statuses", async ({ page, open, server }) => {
  const { items } = await server.api("calls?status=502&limit=1");
  await open(`#/session/${items[0].session}`);
  await page.locator(".session-side").getByRole("link", { name: /502/ }).click();
  await expect.poll(() => hash(page)).toContain("in.status=502");
  await expect(calls(page).first()).toContainText("502");
});

test("by keyboard alone: down the list, open, on to the next, and out", async ({ page, open }) => {
  await open("#/attacks?range=7d");
  await expect(rows(page).first()).toBeVisible();
  await rows(page).first().locator("a").focus();
  await page.keyboard.press("ArrowDown");
  await expect(rows(page).nth(1).locator("a")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(pane(page).locator(".evidence, .note").first()).toBeVisible();
  const at = hash(page);
  await page.keyboard.press("ArrowDown");
  await expect.poll(() => hash(page)).not.toBe(at);
  await expect(pane(page)).toHaveCount(1);
  await page.keyboard.press("Escape");
  await expect(pane(page)).toHaveCount(0);
  await expect(page.locator(".list a[tabindex='0']")).toBeFocused();
});

test("the list goes on to its end", async ({ page, open, server }) => {
  const from = new Date(Date.now() - 7 * 86_400_000).toISOString();
  const { items } = await server.api(`attacks?from=${from}&limit=500`);
  expect(items.length).toBeGreaterThan(100);
  await open("#/attacks?range=7d");
  await expect(rows(page).first()).toBeVisible();
  await expect.poll(async () => {
    await page.locator(".list").evaluate((list) => list.scrollTo(0, list.scrollHeight));
    return page.locator(".list-end").innerText();
  }).toContain("attacks, no more in this time.");
  expect(await rows(page).count()).toBeLessThan(80);
});

test("no attack: where to look next", async ({ page, open }) => {
  await open("#/attacks?range=1h&primitive=no_such_tool");
  await expect(page.getByText("Nothing matches")).toBeVisible();
  await page.getByRole("link", { name: "Clear filters" }).click();
  await expect.poll(() => hash(page)).toBe("#/attacks?range=1h");
});

test.describe("a store without attacks", () => {
  test.use({ world: ["--empty"] });
  test("leads to the controls, which tell how to write the first", async ({ page, open, context }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await open("#/attacks");
    await expect(page.getByText("No attacks: today")).toBeVisible();
    await page.locator(".notice").getByRole("link", { name: "Controls" }).click();
    await expect(page.getByRole("heading", { name: "No control yet: how to write the first" })).toBeVisible();
    await page.getByRole("button", { name: "Copy these lines" }).click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('mcp_acl "only admins delete" {');
  });
});
