"""Controls between official clients and an official server: what is refused, and what goes on."""

import http.client
import json
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from kit import store
from kit.expected import Reading
from kit.nginx import Nginx
from kit.stand import CLIENTS, SERVERS, Client, Server, step, tool
from kit.tap import Tap
from kit.tokens import AUDIENCE, ISSUER, Issuer

USER = "ada@example.com"
ROLES = ["sales"]
BLOCKED = -32010

# What the agent does, and the control that objects, with the type of the attack.
LISTED = step("list", what="tools")
ALLOWED = tool("add", a=2, b=3)
FORBIDDEN = [
    (tool("fail", reason="because"), "nobody fails", "ACL violation"),
    (tool("count", to=2), "writers count", "MCP request verification failure"),
    (tool("echo", text="hello", __proto__={"admin": True}), "as listed", "Invalid tool call"),
    (tool("add", a="2", b=3), "as listed", "Invalid tool call"),
    (tool("no_such_tool", x=1), "as listed", "Invalid tool call"),
]
STEPS = [LISTED, ALLOWED, *(one for forbidden, _, _ in FORBIDDEN for one in (forbidden, ALLOWED))]

PAIRS = [
    "python-2-auto mcp",
    "python-2-legacy mcp",
    "python-2-2026-07-28 mcp-json",
    "python-1-streamable mcp",
    "sdk-1-legacy mcp",
    "client-2-legacy mcp-json",
    "client-2-auto mcp",
    "client-2-2026-07-28 mcp-stateless",
]


@dataclass
class Run:
    """What came of the script, and what was recorded."""

    results: list[dict[str, Any]]
    nginx: Nginx
    # Names of tools in the calls that the server got.
    reached: list[str]

    def attacks(self) -> list[tuple[str, ...]]:
        """Control, type, verdict and action of each, in the order of the calls."""
        rows = [row for row in store.rows(self.nginx.store, "attacks") if row["control"] != "probe"]
        # Numbers are given as exchanges end, and an event stream may stay open for a moment after its answer.
        rows.sort(key=lambda row: (row["at"], row["call"]))
        return [(row["control"], row["type"], row["verdict"], row["action"]) for row in rows]

    def outcomes(self) -> list[str]:
        """Those of the agent's calls of tools; the probe has no user."""
        rows = store.rows(self.nginx.store, "calls")
        return [row["outcome"] for row in rows if row["method"] == "tools/call" and row["user"] == USER]


def location(issuer: Issuer, mode: str) -> str:
    return f"""mcp_server_name fixture;
            mcp_jwt_key_file {issuer.key_set};
            mcp_jwt_require iss={ISSUER} aud={AUDIENCE};
            mcp_user $mcp_jwt_email;
            mcp_role $mcp_jwt_roles;
            mcp_mode {mode};
            mcp_acl "nobody fails" {{
                methods tools/call;
                primitives fail;
                allow role=admin;
                deny all;
            }}
            mcp_verify "writers count" {{
                primitives count;
                require_scope $mcp_jwt_scope any mcp:write mcp:admin;
            }}
            mcp_tool_schema "as listed" {{
                tools *;
                unknown_arguments deny;
                undefined_tools deny;
            }}"""


# Blocked while the tools are not known to the worker, else a file that is not there.
PROBE = """location = /probe {
            mcp_sessions off;
            mcp_server_name fixture;
            mcp_mode block;
            mcp_tool_schema "probe" { undefined_tools deny; }
            root /nowhere;
        }"""
PATIENCE_SECONDS = 20


def wait_for_tools(port: int) -> None:
    """Until nginx knows the tools that were listed."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "add", "arguments": ALLOWED["arguments"]}})
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        connection.request("POST", "/probe", body, {"Content-Type": "application/json"})
        status = connection.getresponse().status
        connection.close()
        if status == 404:
            return
        assert status == 200, status
        time.sleep(0.02)
    raise AssertionError("the tools were not learned")


@pytest.fixture(params=PAIRS)
def both(request: pytest.FixtureRequest) -> tuple[Client, Server]:
    client, server = request.param.split(" ")
    chosen = {server.name: server for server in SERVERS}[server]
    return {client.name: client for client in CLIENTS}[client], replace(chosen, steps=tuple(STEPS))


def run(both: tuple[Client, Server], mode: str, module: Path, folder: Path, issuer: Issuer) -> Run:
    client, server = both
    headers = {"Authorization": f"Bearer {issuer.token(USER, ROLES, scope='mcp:read mcp:list')}"}
    with server.running(folder, issuer.pem) as port:
        tap = Tap(port)
        nginx = Nginx(folder / "nginx", tap.port, module, location(issuer, mode), workers=1, server=PROBE)
        try:
            # What is listed once is enforced: the script's own calls may come before it is learned.
            listed = replace(server, steps=(LISTED,))
            client.run(listed, nginx.port, headers)
            wait_for_tools(nginx.port)
            results = client.run(server, nginx.port, headers)["results"]
            nginx.quit()
        finally:
            nginx.kill()
            tap.close()
    calls = Reading(tap.exchanges()).read().calls
    return Run(results, nginx, [call["primitive"] for call in calls if call["method"] == "tools/call"])


def test_a_blocked_call_is_an_error_of_the_client_and_its_session_goes_on(
    both: tuple[Client, Server], module: Path | None, folder: Path, issuer: Issuer
) -> None:
    if module is None:
        pytest.skip("controls need the module")
    done = run(both, "block", module, folder, issuer)
    assert len(done.results) == len(STEPS)
    for asked, came in zip(STEPS, done.results):
        if asked in (LISTED, ALLOWED):
            assert "result" in came and not came["result"].get("isError"), (asked, came)
        else:
            assert came["error"]["code"] == BLOCKED, (asked, came)
            assert not re.search("nobody|writers|listed|deny|acl", json.dumps(came["error"]), re.IGNORECASE), came
    assert set(done.reached) == {"add"}
    assert len(done.reached) == STEPS.count(ALLOWED)
    assert done.attacks() == [(control, kind, "deny", "blocked") for _, control, kind in FORBIDDEN]
    assert len(done.outcomes()) == len(STEPS) - 1
    assert done.outcomes().count("blocked") == len(FORBIDDEN)


def test_what_is_only_monitored_passes_and_is_reported(
    both: tuple[Client, Server], module: Path | None, folder: Path, issuer: Issuer
) -> None:
    if module is None:
        pytest.skip("controls need the module")
    done = run(both, "monitoring", module, folder, issuer)
    assert all(came.get("error", {}).get("code") != BLOCKED for came in done.results), done.results
    assert len(done.reached) == len(STEPS) - 1
    assert done.attacks() == [(control, kind, "deny", "passed") for _, control, kind in FORBIDDEN]
    assert len(done.outcomes()) == len(STEPS) - 1
    assert "blocked" not in done.outcomes()
