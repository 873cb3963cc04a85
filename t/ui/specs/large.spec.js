import { calls, expect, rows, test } from "../kit.js";

test.use({ world: ["--sessions", "4000", "--longest", "10000", "--no-hostile"] });

test("the list goes on to its end, with a bounded number of rows in the document, and keeps the place", async ({ page, open, server }) => {
  await open("#/sessions?range=7d");
  await expect(rows(page).first()).toBeVisible();
  const list = page.locator(".list");
  for (let n = 0; n < 12; n++) {
    await list.evaluate((pane) => pane.scrollTo(0, pane.scrollHeight));
    const wanted = 50 * (n + 2);
    await expect.poll(() => list.evaluate((pane) => pane.scrollHeight)).toBeGreaterThan(wanted * 34);
  }
  expect(await rows(page).count()).toBeLessThan(80);
  const asked = (await server.log()).requests.filter((path) => path.startsWith("api/v1/sessions?") && path.includes("cursor="));
  expect(new Set(asked).size).toBe(asked.length);

  // Opening a session and closing it again leaves the list where it was.
  const place = await list.evaluate((pane) => pane.scrollTop);
  const seen = await rows(page).evaluateAll((all, bottom) => all.findIndex((row) => row.getBoundingClientRect().top > bottom), 500);
  const row = rows(page).nth(seen);
  const href = await row.locator("a").first().getAttribute("href");
  await row.click();
  await expect(page.getByRole("region", { name: "Session", exact: true })).toBeVisible();
  await expect(page.locator(".card.open")).toBeInViewport();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("region", { name: "Session", exact: true })).toHaveCount(0);
  await expect(page.locator(".sessions [data-row]").first()).toBeVisible();
  await expect(page.locator(`.list a[href="${href}"]`)).toBeInViewport();
  await expect.poll(async () => Math.abs((await list.evaluate((pane) => pane.scrollTop)) - place)).toBeLessThan(34 * 30);
});

test("a session of thousands of calls loads in pieces", async ({ page, open, server }) => {
  const { items } = await server.api("sessions?user=ci-bot&client=langgraph&limit=500");
  const longest = items.reduce((a, b) => (a.calls > b.calls ? a : b));
  expect(longest.calls).toBeGreaterThan(1000);
  await open(`#/session/${longest.id}`);
  await expect(calls(page).first()).toBeVisible();
  const pieces = async () => (await server.log()).requests.filter((path) => path.includes("/calls?")).length;
  expect(await pieces()).toBe(1);
  const pane = page.locator(".calls");
  for (let n = 2; n <= 5; n++) {
    await pane.evaluate((one) => one.scrollTo(0, one.scrollHeight));
    await expect.poll(pieces).toBeGreaterThanOrEqual(n);
  }
  expect(await calls(page).count()).toBeLessThan(90);
  await expect(page.locator(".fall i").first()).toBeVisible();
});
