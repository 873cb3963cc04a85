"""Every captured conversation, through nginx: the client receives the captured bytes, the server the
captured request, and the records are those that are kept beside the capture."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from kit import store
from kit.nginx import Nginx
from kit.replay import Player, Sample, body_of, play, samples
from kit.wire import exchanges, head, messages

DATA = Path(__file__).resolve().parent.parent / "data"
FOLDERS = sorted(path.name for path in DATA.iterdir() if path.is_dir())
# Headers of the answer that nginx has of its own, and those that it takes for itself.
OF_NGINX = ("connection", "date", "keep-alive", "server", "transfer-encoding", "x-accel-buffering")
# A line of records.txt: who, which id, what, "->", what came of it.
LINE = re.compile(r"^  (?P<who>server|[A-Z]+ \d+) #(?P<rest>.*?) \[\w+ \d+\](?: continues \S+)? -> (?P<outcome>\w+)(?P<code> -?\d+)?[ \[]")
CUT = "…"


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
        if " #" not in line:
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


def body_text(sample: Sample) -> str:
    return exchanges(sample.request, b"")[0].body.decode("utf-8", "replace")


def headers_of(answer: bytes) -> list[tuple[str, str]]:
    """All headers of an answer, each as often as it is there, but for those that are nginx's."""
    lines = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    pairs = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return sorted(pair for pair in pairs if pair[0] not in OF_NGINX)


@pytest.mark.parametrize("name", FOLDERS)
def test_replay(name: str, module: Path | None, folder: Path) -> None:
    conversation = samples(DATA / name)
    player = Player()
    nginx = Nginx(folder / "nginx", player.port, module, workers=1)
    before: Sample | None = None
    try:
        for sample in conversation:
            player.sample, player.received = sample, b""
            if module and sample.request.startswith(b"POST") and not messages(body_text(sample)) and before:
                # That it concerns MCP says its path alone, once that was seen to.
                store.wait_for_rows(nginx.store, "calls")
            before = sample
            came = play(sample, nginx.port)
            sent = exchanges(sample.request, b"")[0]
            passed = exchanges(player.received, b"")[0]
            assert passed.request.line.rpartition(" ")[0] == sent.request.line.rpartition(" ")[0], sample.name
            assert passed.body == sent.body, sample.name
            if not sample.answer:
                assert came == b"", sample.name
                continue
            status, _, body = body_of(came)
            wanted_status, _, wanted_body = body_of(sample.answer)
            assert status == wanted_status and body == wanted_body, sample.name
            assert headers_of(came) == headers_of(sample.answer), sample.name
        nginx.quit()
    finally:
        nginx.kill()
        player.close()
    if module is None:
        return
    recorded = [line_of(row) for row in store.rows(nginx.store, "calls")]
    expected = expected_lines((DATA / name / "records.txt").read_text())
    report = differences(expected, recorded)
    assert not report, "\n".join(report)
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
