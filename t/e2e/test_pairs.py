"""Official clients and servers, with nginx between them: the clients get what they get without it,
and the records hold the calls that were made, no more and no fewer."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from kit import store
from kit.expected import Reading, errors, sessions
from kit.nginx import Nginx
from kit.stand import Client, Server
from kit.tap import Tap
from kit.tokens import AUDIENCE, ISSUER, Issuer

USER = "ada@example.com"
ROLES = ["admin", "sales"]
FIELDS = (
    "direction", "rpc_id", "method", "primitive_kind", "primitive", "arguments",
    "outcome", "error_code", "status", "id_source", "session_id",
)  # fmt: skip
MASKED = "••••"


def location(issuer: Issuer) -> str:
    return f"""mcp_jwt_key_file {issuer.key_set};
            mcp_jwt_require iss={ISSUER} aud={AUDIENCE};
            mcp_user $mcp_jwt_email $mcp_jwt_sub;
            mcp_role $mcp_jwt_roles;
            mcp_param tenant $mcp_jwt_tenant;"""


def normalised(results: Any) -> Any:
    """Without what differs from one run to the next."""
    text = json.dumps(results, sort_keys=True, ensure_ascii=False)
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(Z|\+00:00)?", "TIME", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{32}\b", "ID", text)
    text = re.sub(r"\d\d?:\d\d:\d\d ?[AP]M", "TIME", text)
    return json.loads(text)


def is_same(expected: Any, recorded: Any) -> bool:
    """Whether a recorded value is the one that was sent, or a mask stands in its place."""
    if isinstance(recorded, str) and MASKED in recorded:
        return True
    if isinstance(expected, dict) and isinstance(recorded, dict):
        return expected.keys() == recorded.keys() and all(is_same(expected[key], recorded[key]) for key in expected)
    if isinstance(expected, list) and isinstance(recorded, list):
        return len(expected) == len(recorded) and all(map(is_same, expected, recorded))
    return expected == recorded


def identity(call: dict[str, Any]) -> tuple[str, ...]:
    """All of a call but its arguments, to be compared as it is."""
    return tuple(str(call[name]) for name in FIELDS if name != "arguments")


def recorded_calls(folder: Path) -> list[dict[str, Any]]:
    sources = {part["part"]: part["id_source"] for part in store.rows(folder, "sessions")}
    calls = []
    for row in store.rows(folder, "calls"):
        call = {name: row.get(name) for name in FIELDS} | {"user": row["user"], "roles": row["roles"]}
        call |= {"id_source": sources[row["part"]], "arguments": store.value(row["arguments"])}
        # Ids that servers did not give are the product's own.
        call["session_id"] = row["session_id"] if call["id_source"] in ("header", "query") else ""
        calls.append(call)
    return calls


def compare_calls(expected: list[dict[str, Any]], recorded: list[dict[str, Any]]) -> None:
    """Fails with both lists side by side unless they hold the same calls."""
    missing = Counter(map(identity, expected)) - Counter(map(identity, recorded))
    surplus = Counter(map(identity, recorded)) - Counter(map(identity, expected))
    report = "\n".join(
        [f"not recorded: {one}" for one in missing.elements()] + [f"recorded, not made: {one}" for one in surplus.elements()]
    )
    assert not report, report
    by_identity: dict[tuple[str, ...], list[Any]] = {}
    for call in recorded:
        by_identity.setdefault(identity(call), []).append(call["arguments"])
    for call in expected:
        candidates = by_identity[identity(call)]
        given = call["arguments"]
        fits = [one for one in candidates if is_same(given, one) or is_truncated(given, one)]
        assert fits, f"{identity(call)}: sent {str(given)[:300]}, recorded {str(candidates)[:300]}"
        candidates.remove(fits[0])


def without_unread(expected: list[dict[str, Any]], recorded: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leaves out the server's open requests that are not recorded: the client left, and nginx with
    it, before they were read. Only for runs in which nginx read less than the server sent."""
    seen = Counter(map(identity, recorded))
    kept = []
    for call in expected:
        is_open = call["direction"] == "server" and call["outcome"] == "pending"
        if is_open and not seen[identity(call)]:
            continue
        seen[identity(call)] -= 1
        kept.append(call)
    return kept


def is_truncated(given: Any, recorded: Any) -> bool:
    """Whether this may be what is left of arguments that are beyond the limit of 16 kB."""
    return len(json.dumps(given)) > 16384 and recorded is not None and len(json.dumps(recorded)) <= 32768


def test_results_and_records(pair: tuple[Client, Server], module: Path | None, folder: Path, issuer: Issuer) -> None:
    client, server = pair
    headers = {"Authorization": f"Bearer {issuer.token(USER, ROLES)}"}
    with server.running(folder, issuer.pem) as port:
        direct = client.run(server, port, headers)
        tap = Tap(port)
        nginx = Nginx(folder / "nginx", tap.port, module, location(issuer))
        try:
            through = client.run(server, nginx.port, headers)
            nginx.quit()
        finally:
            nginx.kill()
            tap.close()
    assert normalised(through) == normalised(direct)

    reading = Reading(tap.exchanges()).read()
    # A client may leave before it answers what the server asks: the Inspector does, with a call made.
    assert not [call for call in reading.calls if call["outcome"] == "pending" and call["direction"] == "client"]
    made = [step for step in client.steps(server) if step["do"] == "tool"]
    seen = Counter(call["primitive"] for call in reading.calls if call["method"] == "tools/call")
    assert all(seen[step["name"]] > 0 for step in made)
    if module is None:
        return

    recorded = recorded_calls(nginx.store)
    if nginx.received() < tap.sent():
        reading.calls = without_unread(reading.calls, recorded)
    compare_calls(reading.calls, recorded)
    for call in recorded:
        assert call["user"] == USER and json.loads(call["roles"]) == ROLES, call

    parts = store.rows(nginx.store, "sessions")
    found = Counter()
    for part in parts:
        known = part["session_id"] if part["id_source"] in ("header", "query") else ""
        found[part["id_source"], known] += part["calls"]
        assert part["verified"] == "yes" and part["user"] == USER, dict(part)
        assert part["server"].startswith("crm.example.com"), part["server"]
        if part["id_source"] in ("header", "query"):
            assert (part["ended"] is not None) == (known in reading.ended), dict(part)
    assert found == sessions(reading.calls)
    assert len(parts) == len(found), [dict(part) for part in parts]
    assert sum(part["errors"] for part in parts) == errors(reading.calls)
