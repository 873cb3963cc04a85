"""A small CRM as an MCP server, on the official Python SDK.

/mcp speaks 2025-11-25 and older with sessions, and 2026-07-28 without; /mcp/sse is the old HTTP+SSE.
"""

import asyncio
import sys

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import ToolAnnotations

server = MCPServer("crm", version="1.4.0", instructions="Customers and their accounts.", log_level="ERROR")
ACCOUNTS_MAX = 30
accounts = {
    17: {"name": "Globex", "owner": "bob@example.com", "city": "Springfield"},
    18: {"name": "Initech", "owner": "bob@example.com", "city": "Austin"},
    19: {"name": "Umbrella", "owner": "carol@example.com", "city": "Raccoon City"},
    20: {"name": "Hooli", "owner": "alice@example.com", "city": "Palo Alto"},
}


def account(id: int) -> dict[str, str]:
    if id not in accounts:
        raise ToolError(f"there is no account {id}")
    return accounts[id]


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def search_accounts(query: str) -> list[str]:
    """Finds accounts by name or city."""
    found = ((id, one) for id, one in accounts.items() if query.lower() in f"{one['name']} {one['city']}".lower())
    return [f"{id}: {one['name']}, {one['city']}" for id, one in found]


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def get_account(id: int) -> dict[str, str]:
    """All about one account."""
    return account(id)


@server.tool()
def update_account(id: int, city: str, password: str = "") -> str:
    """Changes an account; the password confirms it."""
    account(id)["city"] = city
    return f"account {id} is in {city} now"


@server.tool()
def open_account(name: str, city: str) -> str:
    """Opens an account for a new customer."""
    if len(accounts) >= ACCOUNTS_MAX:
        raise ToolError("the books are full")
    id = max(accounts, default=16) + 1
    accounts[id] = {"name": name, "owner": "bob@example.com", "city": city}
    return f"account {id} for {name}"


@server.tool(annotations=ToolAnnotations(destructive_hint=True))
def delete_account(id: int) -> str:
    """Deletes an account for good."""
    name = account(id)["name"]
    del accounts[id]
    return f"{name} is gone"


@server.tool()
async def import_contacts(count: int, ctx: Context) -> str:
    """Imports contacts, and tells how far it has come."""
    for done in range(1, count + 1):
        await ctx.report_progress(done, count, f"contact {done}")
        await asyncio.sleep(0.05)
    return f"{count} contacts imported"


@server.resource("crm://accounts", mime_type="text/plain")
def all_accounts() -> str:
    """The list of accounts."""
    return "\n".join(f"{id} {one['name']}" for id, one in accounts.items())


@server.resource("crm://accounts/{id}", mime_type="text/plain")
def one_account(id: str) -> str:
    """One account."""
    return str(accounts.get(int(id), "gone"))


@server.prompt()
def follow_up(customer: str, tone: str = "friendly") -> str:
    """A letter to a customer."""
    return f"Write a {tone} follow-up letter to {customer}."


def main() -> None:
    # Only nginx can reach it, and names it as its upstream.
    security = TransportSecuritySettings(enable_dns_rebinding_protection=True, allowed_hosts=["mcp_backend"])
    app = server.streamable_http_app(transport_security=security)
    old = server.sse_app(sse_path="/mcp/sse", message_path="/mcp/messages/", transport_security=security)
    app.router.routes.extend(old.routes)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main()
