// From a phone to a wall: nothing runs out of the window, and what matters can be seen.

import { calls, expect, rows, test } from "../kit.js";

for (const width of [360, 720, 1024, 1440, 2560]) {
  test(`at ${width} pixels nothing runs out of the window`, async ({ page, open, server }) => {
    await page.setViewportSize({ width, height: 800 });
    const { items } = await server.api("sessions?control=only%20admins%20delete&limit=1");
    const hostile = (await server.api("sessions?q=mcp-xss&limit=1")).items[0];
    const attack = (await server.api("attacks?q=mcp-xss&limit=1")).items[0];
    const evil = (await server.api("servers")).items.find(({ id }) => id.startsWith("x"));
    const views = ["sessions?range=7d", `sessions?range=7d&session=${items[0].id}`, `sessions?range=7d&session=${items[0].id}&call=${items[0].id}.6`, `session/${hostile.id}?call=${hostile.id}.24`, "servers", "servers/s1", "agents?user=ci-bot&client=langgraph", "recorder",
      "attacks?range=7d", `attacks?range=7d&open=${attack.id}`, `attack/${attack.id}`, "controls", `controls?type=ACL+violation&control=${encodeURIComponent('<script>alert("mcp-xss")</script>')}`, "servers/s1?range=7d&kind=tool&primitive=update_account",
      `servers/${evil.id}?range=7d&kind=tool&primitive=${encodeURIComponent('<script>alert("mcp-xss")</script>')}`];
    for (const view of views) {
      await open(`#/${view}`);
      await expect(page.locator("[data-row], .grid, .days, .evidence").first()).toBeAttached();
      if (view.includes("kind=tool")) await expect(page.locator(".history .diff, .history .version").first()).toBeVisible();
      if (view.includes("call=")) await expect(page.locator(".call-body dl.facts")).toBeVisible();
      const wide = await page.evaluate(() => {
        // Strips and tables that scroll by themselves may hold more than is seen.
        const scrolls = (node) => node && (["auto", "scroll", "hidden"].includes(getComputedStyle(node).overflowX) || scrolls(node.parentElement));
        return [...document.querySelectorAll("#app *")].filter((node) => node.getBoundingClientRect().right > window.innerWidth + 1 && !scrolls(node.parentElement)).map((node) => `${node.tagName}.${node.className}`);
      });
      expect(wide, view).toEqual([]);
      for (const pane of await page.locator("main, .session-side, .call-body, .view-body, .pane-body, .calls").all()) {
        if (await pane.isVisible()) expect(await pane.evaluate((node) => node.scrollWidth - node.clientWidth), `${view}: ${await pane.getAttribute("class")}`).toBeLessThanOrEqual(1);
      }
    }
  });
}

test("rows are of one height, whatever stands in them", async ({ page, open, server }) => {
  const { items } = await server.api("calls?method=sampling/createMessage&limit=1");
  await open(`#/sessions?range=7d&session=${items[0].session}`);
  await expect(calls(page).first()).toBeVisible();
  const heights = (list) => list.evaluateAll((all) => [...new Set(all.map((row) => row.getBoundingClientRect().height))]);
  await expect.poll(() => heights(calls(page))).toEqual([30]);
  await expect.poll(() => heights(rows(page))).toEqual([70]);
  await open("#/sessions?range=7d&q=mcp-xss");
  await expect(rows(page).first()).toBeVisible();
  await expect.poll(() => heights(rows(page))).toEqual([34]);
  const hostile = (await server.api("sessions?q=mcp-xss&limit=1")).items[0];
  await open(`#/session/${hostile.id}`);
  await expect(calls(page).first()).toBeVisible();
  await expect.poll(() => heights(calls(page))).toEqual([30]);
});

test("on a phone a session covers the list, and leads back to it", async ({ page, open }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await open("");
  await page.locator(".card").nth(2).click();
  await expect(calls(page).first()).toBeVisible();
  await expect(page.locator(".list")).not.toBeVisible();
  await page.getByRole("button", { name: "Facts" }).click();
  await expect(page.locator(".session-side").getByText("Session id")).toBeVisible();
  await page.getByRole("button", { name: "Facts" }).click();
  await calls(page).last().click();
  await expect(page.locator(".call-body dl.facts")).toBeVisible();
  await page.getByRole("button", { name: "Close call" }).click();
  await page.getByRole("button", { name: "Close session" }).click();
  await expect(page.locator(".card").nth(2)).toBeVisible();
});

test("dark by the system's choice", async ({ page, open }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  await open("");
  await expect(rows(page).first()).toBeVisible();
  expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe("rgb(17, 20, 23)");
  await page.emulateMedia({ colorScheme: "light" });
  expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe("rgb(255, 255, 255)");
});

test("columns that are chosen stay chosen; others are as many as fit", async ({ page, open }) => {
  await page.setViewportSize({ width: 2560, height: 900 });
  await open("");
  await expect(page.getByRole("columnheader")).toHaveCount(12);
  await page.setViewportSize({ width: 1024, height: 900 });
  await expect.poll(() => page.getByRole("columnheader").count()).toBeLessThan(9);
});
