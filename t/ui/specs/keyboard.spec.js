// Everything by keyboard alone.

import { calls, expect, rows, test } from "../kit.js";

test("from the start to a call and back, without a mouse", async ({ page, open }) => {
  await open("#/sessions?range=7d");
  await expect(rows(page).first()).toBeVisible();

  // The first stop leads past the navigation.
  await page.keyboard.press("Tab");
  await expect(page.getByText("Skip to content")).toBeFocused();

  // Into the list, down, and open.
  await rows(page).first().locator("a").first().focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("j");
  await expect(rows(page).nth(2).locator("a").first()).toBeFocused();
  await page.keyboard.press("Enter");
  const session = page.getByRole("region", { name: "Session", exact: true });
  await expect(session).toBeVisible();
  await expect(calls(page).first()).toBeVisible();

  // Down in the list goes on to the next session, beside it.
  const hash = new URL(page.url()).hash;
  await page.locator(".sessions-side [aria-current] a[tabindex='0']").focus();
  await page.keyboard.press("ArrowDown");
  await expect.poll(() => new URL(page.url()).hash).not.toBe(hash);

  // Into the calls.
  await expect(calls(page).first()).toBeVisible();
  await session.locator(".calls a[tabindex='0']").focus();
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  const call = page.getByRole("region", { name: "Call", exact: true });
  await expect(call).toBeVisible();
  const at = new URL(page.url()).hash;
  await page.keyboard.press("ArrowUp");
  await expect.poll(() => new URL(page.url()).hash).not.toBe(at);

  // Out again, step by step, and the focus is where it was.
  await page.keyboard.press("Escape");
  await expect(call).toHaveCount(0);
  await expect(session.locator(".calls a[tabindex='0']")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(session).toHaveCount(0);
  await expect(page.locator(".list a[tabindex='0']")).toBeFocused();
});

test("filters, time and columns", async ({ page, open }) => {
  await open("");
  await expect(rows(page).first()).toBeVisible();
  await page.getByRole("button", { name: "Primitive" }).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.type("refu");
  await expect(page.getByRole("option")).toHaveCount(1);
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("option", { name: "refund" })).toBeFocused();
  await page.keyboard.press("Space");
  await expect.poll(() => new URL(page.url()).hash).toContain("primitive=refund");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: /^Primitive/ })).toBeFocused();
  // The pill's cross is the next stop.
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect.poll(() => new URL(page.url()).hash).not.toContain("primitive");

  await page.getByRole("button", { name: "Today" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog").getByRole("button", { name: "Today" })).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect.poll(() => new URL(page.url()).hash).toContain("range=yesterday");

  await page.getByRole("button", { name: "Columns" }).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  await expect(page.getByRole("columnheader", { name: "Started" })).toHaveCount(0);
  await page.reload();
  await expect(page.getByRole("columnheader", { name: "Last activity" })).toBeVisible();
  await expect(page.getByRole("columnheader", { name: "Started" })).toHaveCount(0);
});

test("a range in the chart", async ({ page, open }) => {
  await open("#/sessions?range=7d");
  await expect(page.locator(".chart .u-over")).toBeVisible();
  await page.getByRole("application").focus();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Shift+ArrowLeft");
  await expect(page.locator(".chart-says")).toContainText("calls");
  await page.keyboard.press("Enter");
  await expect.poll(() => new URL(page.url()).hash).toMatch(/from=.*&to=/);
});
