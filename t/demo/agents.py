"""Three agents of different users and eras, each an official client doing a piece of work."""

import asyncio
import random
import warnings
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, AsyncIterator, Callable

warnings.simplefilter("ignore")

import httpx2
import mcp_types as types
from mcp import Client, ClientSession, MCPError
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client


async def progress(*_: Any) -> None:
    """Takes no notice, but asks for it to be told."""


async def administer(client: Client) -> None:
    await client.list_tools()
    await client.call_tool("search_accounts", {"query": "palo"})
    await client.call_tool("delete_account", {"id": 20})
    await client.call_tool("delete_account", {"id": 99})
    await client.read_resource("crm://accounts")


async def sell(client: Client) -> None:
    await client.list_tools()
    await client.list_prompts()
    await client.call_tool("search_accounts", {"query": "globex"})
    await client.call_tool("get_account", {"id": 17})
    await client.call_tool("update_account", {"id": 17, "city": "Shelbyville", "password": "hunter2"})
    await client.call_tool("import_contacts", {"count": 5}, progress_callback=progress)
    await client.get_prompt("follow_up", {"customer": "Globex"})
    try:
        await client.call_tool("delete_account", {"id": 18})
    except MCPError:
        pass  # Only admins delete.


async def support(client: ClientSession) -> None:
    await client.list_resources()
    await client.read_resource("crm://accounts/19")
    await client.call_tool("get_account", {"id": 404})
    try:
        await client.read_resource("crm://invoices/1")
    except MCPError:
        pass


class Errands:
    """Work as it comes in an office: a few calls with pauses, a mistake now and then."""

    def __init__(self, chance: random.Random, longest_pause: float) -> None:
        self.chance = chance
        self.longest_pause = longest_pause

    async def __call__(self, client: Client | ClientSession) -> None:
        await client.list_tools()
        for _ in range(self.chance.randint(1, 8)):
            await asyncio.sleep(self.chance.uniform(0, self.longest_pause))
            await self.one(client)

    async def one(self, client: Client | ClientSession) -> None:
        pick, id = self.chance.choice, self.chance.randint(17, 30)
        try:
            match self.chance.choices(range(7), weights=(8, 6, 3, 2, 1, 3, 1))[0]:
                case 0:
                    await client.call_tool("search_accounts", {"query": pick(("globex", "in", "palo", "austin", "o"))})
                case 1:
                    await client.call_tool("get_account", {"id": id})
                case 2:
                    await client.call_tool("update_account", {"id": id, "city": pick(("Austin", "Oslo", "Kyoto")), "password": "hunter2"})
                case 3:
                    await client.call_tool("open_account", {"name": pick(("Stark", "Wayne", "Tyrell", "Cyberdyne")), "city": "Oslo"})
                case 4 if isinstance(client, Client):
                    # What controls stop ends no session; HTTP+SSE has no way to tell its client.
                    await client.call_tool("delete_account", {"id": id})
                case 6:
                    await client.call_tool("get_account", {"id": str(id), "verbose": True})
                case _:
                    await client.read_resource(f"crm://accounts/{id}")
        except MCPError:
            pass


# The first revision, which the SDK's own handshake does not ask for any more.
OLDEST = "2024-11-05"


@asynccontextmanager
async def oldest(transport: Any, about: types.Implementation) -> AsyncIterator[ClientSession]:
    """A session of the oldest revision."""
    async with transport as streams, ClientSession(*streams, client_info=about) as session:
        asked = types.InitializeRequestParams(
            protocol_version=OLDEST, capabilities=types.ClientCapabilities(), client_info=about
        )
        request = types.InitializeRequest(params=asked)
        session.adopt(await session.send_request(request, types.InitializeResult))
        await session.send_notification(types.InitializedNotification())
        yield session


@dataclass(frozen=True)
class Agent:
    """Who works, how they speak, and what they do."""

    name: str
    email: str
    roles: tuple[str, ...]
    mode: str
    path: str
    work: Callable[[Any], Any]

    @asynccontextmanager
    async def _transport(self, url: str, headers: dict[str, str]) -> AsyncIterator[Any]:
        if self.path.endswith("/sse"):
            async with sse_client(url, headers=headers) as streams:
                yield streams
            return
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as http,
            streamable_http_client(url, http_client=http) as streams,
        ):
            yield streams

    async def run(self, address: str, token: str) -> None:
        transport = self._transport(address + self.path, {"Authorization": f"Bearer {token}"})
        about = types.Implementation(name=self.name, version="1.0.0")
        if self.mode == OLDEST:
            opened = oldest(transport, about)
        else:
            opened = Client(transport, mode=self.mode, client_info=about)
        async with opened as client:
            await self.work(client)


AGENTS = [
    Agent("back-office", "alice@example.com", ("admin", "sales"), "2026-07-28", "/mcp", administer),
    Agent("sales-assistant", "bob@example.com", ("sales",), "legacy", "/mcp", sell),
    Agent("support-desk", "carol@example.com", ("support",), OLDEST, "/mcp/sse", support),
]

# Who goes on working while the console is looked at.
STAFF = [
    ("back-office", "alice@example.com", ("admin", "sales"), "2026-07-28", "/mcp"),
    ("sales-assistant", "bob@example.com", ("sales",), "legacy", "/mcp"),
    ("support-desk", "carol@example.com", ("support",), OLDEST, "/mcp/sse"),
    ("support-desk", "dave@example.com", ("support",), "legacy", "/mcp"),
    ("night-report", "reports@example.com", ("automation",), "2026-07-28", "/mcp"),
    ("partner-bot", "olu@partner.example", ("guest",), "legacy", "/mcp"),
]


def at_work(chance: random.Random, longest_pause: float) -> Agent:
    """Somebody of the staff, with errands."""
    return Agent(*chance.choices(STAFF, weights=(2, 5, 3, 3, 1, 1))[0], Errands(chance, longest_pause))
