// The analyst's question: which agent called delete_account yesterday, as whom, with what arguments,
// and what came back?

import { calls, expect, filter, rows, test } from "../kit.js";

test("who called delete_account yesterday, with what, and what came back", async ({ page, open }) => {
  await open("");
  await page.getByRole("button", { name: "Today" }).click();
  await page.getByRole("button", { name: "Yesterday" }).click();
  await filter(page, "Primitive", "delete_account");
  await filter(page, "Outcome", "blocked");

  await expect(rows(page)).toHaveCount(1);
  const row = rows(page).first();
  await expect(row).toContainText("olu@partner.example");
  await expect(row).toContainText("mcp-python 1.30.0");
  await expect(row).toContainText("blocked");
  await row.click();

  // The list's filters hold in the session, until all requests are wanted.
  await expect(calls(page)).toHaveCount(1);
  await page.getByRole("link", { name: /Show all \d+ requests/ }).click();
  await expect(calls(page)).toHaveCount(6);

  await calls(page).last().click();
  const call = page.getByRole("region", { name: "Call", exact: true });
  await expect(call).toContainText("ACL violation, blocked");
  await expect(call).toContainText("only admins delete");
  await expect(call.getByRole("region", { name: "Arguments" })).toContainText("417");
  await expect(call.getByRole("region", { name: "Arguments" }).locator(".mask")).toHaveText("••••");
  await expect(call).toContainText("blocked by policy");

  await page.getByRole("link", { name: "Call before" }).click();
  await expect(call).toContainText("account has open invoices");
  await expect(call).toContainText("tool error");
});
