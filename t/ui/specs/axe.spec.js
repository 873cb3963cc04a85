// What a screen reader would stumble over: axe finds nothing serious, in light and in dark.

import { createRequire } from "node:module";
import { calls, expect, rows, test } from "../kit.js";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

async function expectAccessible(page, what) {
  // Through the debugger, as the page's policy lets no script of others in.
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate((await import("node:fs")).readFileSync(AXE, "utf8"));
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(serious.map(({ id, nodes }) => `${what}: ${id}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 200)} ${node.failureSummary}`).join(" | ")}`)).toEqual([]);
}

for (const colorScheme of ["light", "dark"]) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme });

    test("the list, its panels and its empty state", async ({ page, open }) => {
      await open("#/sessions?range=7d");
      await expect(rows(page).first()).toBeVisible();
      await expectAccessible(page, "list");
      for (const name of ["User", "Columns", "Export", "7 days"]) {
        await page.getByRole("button", { name }).first().click();
        await expect(page.getByRole("dialog")).toBeVisible();
        if (name === "User") await expect(page.getByRole("option").nth(2)).toBeVisible();
        await expectAccessible(page, name);
        await page.keyboard.press("Escape");
      }
      await open("#/sessions?range=7d&q=nothing-at-all");
      await expect(page.getByText("Nothing matches")).toBeVisible();
      await expectAccessible(page, "nothing matches");
    });

    test("a session and a call with everything in it", async ({ page, open, server }) => {
      const { items } = await server.api("sessions?control=only%20admins%20delete&limit=1");
      await open(`#/sessions?range=7d&session=${items[0].id}`);
      await expect(calls(page).first()).toBeVisible();
      await expectAccessible(page, "session");
      await calls(page).last().click();
      await expect(page.locator(".attack-note")).toContainText("ACL violation, blocked");
      await expectAccessible(page, "call");
    });

    test("attacks, controls, primitives", async ({ page, open, server }) => {
      const at = (await server.api("attacks?attack=Invalid%20tool%20call&limit=1")).items[0];
      const views = [
        ["attacks?range=7d", "[data-row]"], [`attacks?range=7d&open=${at.id}`, ".evidence .json"], [`attack/${at.id}`, ".evidence .json"], ["attacks?range=7d&q=nothing-at-all", ".notice"], ["controls", ".grid"],
        ["controls?type=ACL+violation&control=only+admins+delete", ".lines"], ["servers/s1?range=7d&status=changed", ".grid"], ["servers/s1?range=7d&kind=tool&primitive=update_account", ".diff-line"], ["servers/s1?range=7d&kind=tool&primitive=search_accounts", ".schema-table"],
      ];
      for (const [hash, sign] of views) {
        await open(`#/${hash}`);
        await expect(page.locator(sign).first()).toBeVisible();
        await expectAccessible(page, hash);
      }
      await page.setViewportSize({ width: 360, height: 740 });
      await open("#/attacks?range=7d");
      await expect(page.locator(".card").first()).toBeVisible();
      await expectAccessible(page, "attacks as cards");
    });

    test("servers, agents, recorder", async ({ page, open }) => {
      for (const [hash, sign] of [["servers", ".grid"], ["servers/s4", ".advice"], ["agents?user=ci-bot&client=langgraph", ".lane"], ["recorder", ".days"]]) {
        await open(`#/${hash}`);
        await expect(page.locator(sign).first()).toBeVisible();
        await expectAccessible(page, hash);
      }
    });

    test("on a phone", async ({ page, open, server }) => {
      await page.setViewportSize({ width: 360, height: 740 });
      await open("");
      await expect(page.locator(".card").first()).toBeVisible();
      await expectAccessible(page, "cards");
      const { items } = await server.api("sessions?limit=1");
      await open(`#/sessions?session=${items[0].id}`);
      await expect(calls(page).first()).toBeVisible();
      await expectAccessible(page, "session");
    });
  });
}
