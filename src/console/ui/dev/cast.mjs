// Who plays in the generated world: MCP servers with their primitives, users, clients.

const tool = (name, median_ms, make, result, failure) => ({ kind: "tool", name, median_ms, make, result, failure });
const text = (value) => ({ content: [{ type: "text", text: typeof value === "string" ? value : JSON.stringify(value) }] });
const both = (value) => ({ ...text(value), structuredContent: value });

const people = ["Ada Moreau", "Jonas Lindqvist", "Priya Nair", "Tomás Herrera", "Mei Tanaka", "Olu Adeyemi"];
const firms = ["Northwind Freight", "Kestrel Optics", "Halden & Sons", "Meridian Foods", "Blue Fjord AS"];

export const servers = [
  {
    id: "s1", name: "crm.example.com/mcp", info: { name: "crm", version: "1.4.2" }, revision: "2025-11-25", source: "header",
    primitives: [
      tool("search_accounts", 48, (r) => ({ query: r.pick(firms).split(" ")[0].toLowerCase(), limit: r.pick([5, 10, 20]), include_closed: r.chance(0.3) }),
        (r) => both({ total: 2, accounts: [{ id: r.between(100, 990), name: r.pick(firms), owner: r.pick(people), arr_eur: r.between(4, 180) * 1000 }, { id: r.between(100, 990), name: r.pick(firms), owner: r.pick(people), arr_eur: r.between(4, 180) * 1000 }] })),
      tool("get_account", 22, (r) => ({ id: r.between(100, 990), fields: ["name", "owner", "contacts", "api_key"] }),
        (r) => both({ id: r.between(100, 990), name: r.pick(firms), owner: r.pick(people), contacts: [{ name: r.pick(people), email: "••••", phone: null }], api_key: "••••", tags: ["enterprise", "renewal-q1"], health: 0.82 })),
      tool("update_account", 61, (r) => ({ id: r.between(100, 990), set: { owner: r.pick(people), stage: r.pick(["lead", "trial", "customer"]) }, reason: "requested by the account team" }),
        () => text("updated"), "stage “lead” cannot follow “customer”"),
      tool("create_note", 35, (r) => ({ account: r.between(100, 990), body: `Call with ${r.pick(people)}. They want to renew early if the price holds; sending the offer on Monday. … 1312 bytes more` }), (r) => both({ note: r.between(10000, 99999) })),
      tool("delete_account", 74, (r) => ({ id: r.between(100, 990), confirm: true, password: "••••" }), () => text("gone"), "account has open invoices"),
      { kind: "resource", name: "crm://accounts/recent", median_ms: 18, make: () => null, result: () => ({ contents: [{ uri: "crm://accounts/recent", mimeType: "application/json", text: "string(2210)" }] }) },
      { kind: "prompt", name: "weekly_summary", median_ms: 9, make: (r) => ({ owner: r.pick(people) }), result: () => ({ messages: [{ role: "user", content: { type: "text", text: "string(418)" } }] }) },
    ],
  },
  {
    id: "s2", name: "github", info: { name: "github-mcp-server", version: "0.21.0" }, revision: "2025-06-18", source: "configured",
    primitives: [
      tool("search_code", 310, (r) => ({ q: `repo:acme/${r.pick(["billing", "edge", "web"])} ${r.pick(["TODO", "deprecated", "retryAfter"])}`, per_page: 30 }),
        () => ({ content: ["string(18211)"], "…": "2 more" }), "API rate limit exceeded for installation ID 4411"),
      tool("get_file_contents", 180, (r) => ({ owner: "acme", repo: r.pick(["billing", "edge", "web"]), path: r.pick(["src/main.rs", "README.md", "deploy/nginx.conf"]), ref: "main" }),
        () => ({ content: [{ type: "string(8)", resource: { uri: "string(61)", mimeType: "string(10)", text: "string(9120)" } }] }), "Not Found"),
      tool("create_pull_request", 820, (r) => ({ owner: "acme", repo: "billing", title: r.pick(["Fix rounding of VAT", "Retry on 503", "Bump deps"]), head: "agent/patch-" + r.between(1, 90), base: "main", body: "string(1204)" }),
        (r) => both({ number: r.between(400, 900), state: "open" }), "Validation Failed: head is behind base"),
      tool("list_issues", 240, (r) => ({ owner: "acme", repo: r.pick(["billing", "edge"]), state: "open", labels: ["bug"] }), () => ({ content: [{ type: "string(4)", text: "string(30112)" }] })),
      tool("add_issue_comment", 290, (r) => ({ owner: "acme", repo: "edge", issue_number: r.between(20, 600), body: "string(342)" }), () => text("string(88)")),
    ],
  },
  {
    id: "s3", name: "warehouse.internal/analytics/mcp", info: { name: "warehouse", version: "3.0.1" }, revision: "2025-11-25", source: "header",
    primitives: [
      tool("run_query", 1450, (r) => ({ sql: r.pick(["select region, sum(net_eur) from orders where day >= $1 group by region", "select count(*) from shipments where eta < now()", "select * from customers where email = $1"]), params: [r.pick(["2026-11-01", "••••"])], max_rows: 500 }),
        (r) => both({ columns: ["region", "net_eur"], rows: [["north", r.between(1000, 90000)], ["south", r.between(1000, 90000)], ["west", r.between(1000, 90000)], "… 9 more"], elapsed_s: r.between(2, 40) / 10 }), "canceling statement due to statement timeout"),
      tool("describe_table", 95, (r) => ({ table: r.pick(["orders", "shipments", "customers"]) }), () => both({ columns: ["id", "day", "region", "net_eur"], rows_estimate: 18402311 })),
      { kind: "resource", name: "warehouse://schema/public", median_ms: 60, make: () => null, result: () => ({ contents: ["string(44018)"] }) },
    ],
  },
  {
    id: "s4", name: "docs.example.com/mcp", info: { name: "docs-search", version: "2.2.0" }, revision: "2026-07-28", source: "derived",
    primitives: [
      tool("search", 130, (r) => ({ query: r.pick(["how to rotate keys", "refund policy", "sla for enterprise"]), top_k: 8 }), () => ({ content: ["object(3)", "… 7 more"] })),
      tool("fetch", 70, (r) => ({ id: "doc_" + r.hex(8) }), () => text("string(6120)")),
    ],
  },
  {
    id: "s5", name: "billing.example.com/mcp", info: { name: "billing", version: "5.11.0" }, revision: "2025-11-25", source: "header",
    primitives: [
      tool("list_invoices", 88, (r) => ({ customer: "cus_" + r.hex(10), status: r.pick(["open", "paid", "void"]) }), (r) => both({ invoices: [{ id: "in_" + r.hex(8), total_cents: r.between(900, 900000), due: "2026-12-01" }], has_more: true })),
      tool("refund", 410, (r) => ({ invoice: "in_" + r.hex(8), amount_cents: r.between(100, 90000), card: "••••", reason: "duplicate" }), (r) => both({ refund: "re_" + r.hex(8), status: "pending" }), "amount exceeds what is left to refund"),
      tool("export_ledger", 5200, () => ({ month: "2026-10", format: "csv" }), () => ({ content: [{ type: "resource_link", uri: "billing://exports/2026-10.csv" }] }), "export already running"),
    ],
  },
  {
    id: "s6", name: "files.example.com/sse", info: { name: "filesystem", version: "0.6.2" }, revision: "2024-11-05", source: "query",
    primitives: [
      tool("read_file", 6, (r) => ({ path: r.pick(["/srv/reports/q3.md", "/srv/reports/../../etc/passwd", "/srv/contracts/halden.pdf"]) }), () => text("string(2048)"), "Access denied - path outside allowed directories"),
      tool("list_directory", 4, () => ({ path: "/srv/reports" }), () => text("string(310)")),
      tool("write_file", 9, () => ({ path: "/srv/reports/summary.md", content: "string(4411)" }), () => text("string(52)")),
    ],
  },
];

export const users = [
  { name: "alice@example.com", roles: ["admin", "support"], verified: "yes" },
  { name: "ci-bot", roles: ["automation"], verified: "yes" },
  { name: "jonas.lindqvist@example.com", roles: ["sales"], verified: "yes" },
  { name: "priya@example.com", roles: ["analyst", "finance"], verified: "yes" },
  { name: "tomas@example.com", roles: ["developer"], verified: "no" },
  { name: null, roles: [], verified: null },
  { name: "mei.tanaka@example.com", roles: ["developer", "on-call"], verified: "yes" },
  { name: "olu@partner.example", roles: ["guest"], verified: "front" },
];

export const clients = [
  { name: "claude-code", version: "2.1.0", agent: "claude-code/2.1.0 (node 22.11)" },
  { name: "cursor", version: "1.9.4", agent: "Cursor/1.9.4" },
  { name: "mcp-python", version: "1.30.0", agent: "python-httpx/0.28.1" },
  { name: "langgraph", version: "0.9.2", agent: "python-httpx/0.28.1" },
  { name: "copilot", version: "1.212", agent: "GithubCopilot/1.212.0" },
];
