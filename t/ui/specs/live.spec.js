import { calls, expect, rows, test } from "../kit.js";

test("what comes anew is announced, not pushed in", async ({ page, open, server }) => {
  const { id, calls: before } = await server.grow();
  await open("#/sessions?range=1h");
  await expect(page.locator(".live.on")).toBeVisible();
  const row = rows(page).filter({ has: page.locator(`a[href*="session=${id}"]`) });
  await expect(row.locator(".sums")).toHaveAttribute("title", new RegExp(`^${before} calls`));
  const grown = await server.grow();
  // The session is in the list: its row follows, in its place.
  await expect(row.locator(".sums")).toHaveAttribute("title", new RegExp(`^${grown.calls} calls`));
  await expect(page.locator(".news")).toHaveCount(0);

  const count = await rows(page).count();
  const first = await rows(page).first().locator("a").first().getAttribute("href");
  const list = await server.api("sessions?limit=1");
  await server.fault({ path: "sessions", raw: JSON.stringify({ items: [{ ...list.items[0], id: "2026-01-01.1" }], next: null }) });
  await server.grow();
  await expect(page.getByRole("button", { name: "1 new session. Show" })).toBeVisible();
  expect(await rows(page).count()).toBe(count);
  expect(await rows(page).first().locator("a").first().getAttribute("href")).toBe(first);
  await page.getByRole("button", { name: "1 new session. Show" }).click();
  await expect(page.locator(".news")).toHaveCount(0);
});

test("an open session grows while one looks at it", async ({ page, open, server }) => {
  const { id } = await server.grow();
  await open(`#/session/${id}`);
  await expect(calls(page).first()).toBeVisible();
  const before = await calls(page).count();
  await expect(page.locator(".session-sums")).toContainText(`${before} calls`);
  await server.grow();
  await expect.poll(() => calls(page).count()).toBeGreaterThan(before);
  const { calls: total } = await server.grow();
  await expect.poll(() => calls(page).count()).toBe(total);
  await expect(page.locator(".session-sums")).toContainText(`${total} calls`);
});

for (const view of ["sessions", "attacks", "servers", "servers/s1", "agents"]) {
  test(`refresh asks anew, also where the time is the same: ${view}`, async ({ page, open, server }) => {
    await open(`#/${view}`);
    await expect(page.locator("[data-row], .grid").first()).toBeVisible();
    const asked = async () => (await server.log()).requests.filter((path) => path.startsWith(`api/v1/${view}?`)).length;
    const before = await asked();
    await page.getByRole("button", { name: "Refresh" }).click();
    await expect.poll(asked).toBeGreaterThan(before);
  });
}

test("a stream that was cut comes back", async ({ page, open, server }) => {
  await open("#/sessions?range=1h");
  await expect(page.locator(".live.on")).toBeVisible();
  await fetch(`${server.url}_test/drop-live`, { method: "POST" });
  await expect(page.locator(".live.lost")).toBeVisible();
  await expect(page.locator(".live.on")).toBeVisible();
});

test("a range that has ended does not listen", async ({ page, open, server }) => {
  await open("#/sessions?range=yesterday");
  await expect(rows(page).first()).toBeVisible();
  await expect(page.getByText("Fixed time")).toBeVisible();
  expect((await server.log()).requests.filter((path) => path.startsWith("api/v1/live"))).toEqual([]);
});
test.use({ expectsErrors: true });
