"""Every captured conversation, through nginx: the client receives the captured bytes, the server the
captured request, and the records are those that are kept beside the capture."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from kit import store
from kit.expected import Reading
from kit.nginx import Nginx
from kit.replay import Player, body_of, play, samples
from kit.wire import exchanges, head
from test_pairs import compare_calls, recorded_calls

DATA = Path(__file__).resolve().parent.parent / "data"
FOLDERS = sorted(path.name for path in DATA.iterdir() if path.is_dir())
# Headers of the answer that MCP needs.
HEADERS = ("content-type", "mcp-session-id", "www-authenticate", "x-accel-buffering", "allow")
# A line of records.txt: who, which id, what, "->", what came of it.
LINE = re.compile(r"^  (?P<who>server|[A-Z]+ \d+) #(?P<rest>.*?) \[\w+ \d+\](?: continues \S+)? -> (?P<outcome>\w+)(?P<code> -?\d+)?[ \[]")
CUT = "…"
# Bodies that nginx does not watch, though the interpreter could read them: MCP uses no PUT, and what
# is no JSON on the POST side of HTTP+SSE, where no answer ever comes, says nothing of MCP.
UNWATCHED = ("  PUT ", "  POST 400 #  [full 9] -> http_error", "  POST 400 #  [full 29] -> http_error")


def line_of(row: dict[str, Any]) -> str:
    """A recorded call, in the words of records.txt."""
    who = "server" if row["direction"] == "server" else f"{row['http_method']} {row['status'] or 0}"
    rpc_id = "" if row["rpc_id"] is None else json.dumps(row["rpc_id"])
    words = f"{who} #{rpc_id} {row['method'] or ''}"
    if row["primitive"] is not None:
        words += f" {row['primitive_kind']}:{row['primitive']}"
    if row["arguments"] is not None:
        words += f" {row['arguments']}"
    code = "" if row["error_code"] is None else f" {row['error_code']}"
    return f"{words} -> {row['outcome']}{code}"


def expected_lines(text: str) -> list[str]:
    """The calls in records.txt. Of a line that is cut there, what stands before the cut."""
    found = []
    for line in text.splitlines():
        if " #" not in line or line.startswith(UNWATCHED):
            continue
        if match := LINE.match(line):
            found.append(f"{match['who']} #{match['rest']} -> {match['outcome']}{match['code'] or ''}")
        else:
            found.append(line.partition(" … [")[0].strip() + CUT)
    return found


def differences(expected: list[str], recorded: list[str]) -> list[str]:
    """What is in one list only."""
    surplus, report = list(recorded), []
    # Those that are whole choose first.
    for line in sorted(expected, key=lambda line: line.endswith(CUT)):
        fits = (one for one in surplus if one == line or line.endswith(CUT) and one.startswith(line.removesuffix(CUT)))
        if (one := next(fits, None)) is None:
            report.append(f"not recorded: {line}")
        else:
            surplus.remove(one)
    return report + [f"recorded, not made: {one}" for one in surplus]


@pytest.mark.parametrize("name", FOLDERS)
def test_replay(name: str, module: Path | None, folder: Path) -> None:
    conversation = samples(DATA / name)
    player = Player()
    nginx = Nginx(folder / "nginx", player.port, module, workers=1)
    try:
        for sample in conversation:
            player.sample, player.received = sample, b""
            came = play(sample, nginx.port)
            sent = exchanges(sample.request, b"")[0]
            passed = exchanges(player.received, b"")[0]
            assert passed.request.line.rpartition(" ")[0] == sent.request.line.rpartition(" ")[0], sample.name
            assert passed.body == sent.body, sample.name
            if not sample.answer:
                assert came == b"", sample.name
                continue
            status, headers, body = body_of(came)
            wanted_status, wanted_headers, wanted_body = body_of(sample.answer)
            assert status == wanted_status and body == wanted_body, sample.name
            for header in HEADERS:
                if header != "x-accel-buffering":  # nginx takes this one for itself
                    assert headers.get(header) == wanted_headers.get(header), (sample.name, header)
        nginx.quit()
    finally:
        nginx.kill()
        player.close()
    if module is None:
        return
    kept = DATA / name / "records.txt"
    if kept.exists():
        recorded = [line_of(row) for row in store.rows(nginx.store, "calls")]
        expected = expected_lines(kept.read_text())
        report = differences(expected, recorded)
        assert not report, "\n".join(report)
    else:
        made = [exchange for sample in conversation for exchange in exchanges(sample.request, sample.answer)]
        compare_calls(Reading(made).read().calls, recorded_calls(nginx.store))
    opened = {part["session_id"] for part in store.rows(nginx.store, "sessions") if part["id_source"] == "header"}
    assert opened == opened_by(conversation)


def opened_by(conversation: list[Any]) -> set[str]:
    """Ids that a server gave, or let pass with a 2xx."""
    found = set()
    for sample in conversation:
        if not sample.answer:
            continue
        status, headers, _ = body_of(sample.answer)
        asked = head(sample.request)[0].headers.get("mcp-session-id")
        modern = b'"io.modelcontextprotocol/protocolVersion"' in sample.request
        if not 200 <= status < 300 or modern:
            continue
        if asked:
            found.add(asked)
        elif b'"initialize"' in sample.request and "mcp-session-id" in headers:
            found.add(headers["mcp-session-id"])
    return found
