"""The official conformance suite comes to the same verdicts with nginx in between as without, and
every call that it makes is recorded."""

import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kit.expected import Reading
from kit.nginx import Nginx
from kit.stand import PACKAGES, SERVERS, node
from kit.tap import Tap
from kit.tokens import Issuer
from test_pairs import FIELDS, identity, recorded_calls

SUITE_SECONDS_MAX = 240
SUITES = {
    "0.1.16": ("conformance-0.1", "--suite", "active"),
    "0.2.0-2025-11-25": ("conformance-0.2", "--requirements", "2025-11-25"),
    "0.2.0-2026-07-28": ("conformance-0.2", "--requirements", "2026-07-28"),
}
# Scenarios of the required set that the server passes, so that a suite that finds nothing to run is
# noticed.
PASSED_MIN = {"mcp": {"0.1.16": 30, "0.2.0-2025-11-25": 30, "0.2.0-2026-07-28": 37}, "everything": {"0.1.16": 11, "0.2.0-2025-11-25": 11}}
OUTCOME = [name for name in FIELDS if name != "arguments"].index("outcome")
VERDICT = re.compile(r"^(✓|✗) ([\w/-]+): (\d+) passed, (\d+) failed", re.MULTILINE)


def verdicts(suite: str, url: str, folder: Path) -> dict[str, tuple[str, str, str]]:
    """Scenario → pass or fail, and how many checks passed and failed."""
    package, *options = SUITES[suite]
    command = [node(), str(PACKAGES / "node_modules" / package / "dist/index.js"), "server", "--url", url, *options]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SUITE_SECONDS_MAX)
    found = {name: (mark, passed, failed) for mark, name, passed, failed in VERDICT.findall(ran.stdout)}
    assert found, ran.stdout[-2000:] + ran.stderr[-2000:]
    return found


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("server", ["mcp", "everything"])
def test_verdicts(server: str, suite: str, module: Path | None, folder: Path, issuer: Issuer) -> None:
    if server == "everything" and suite == "0.2.0-2026-07-28":
        pytest.skip("this server speaks the older revisions only")
    made = next(one for one in SERVERS if one.name == server)
    with made.running(folder, issuer.pem) as port:
        direct = verdicts(suite, f"http://127.0.0.1:{port}{made.path}", folder)
        tap = Tap(port)
        nginx = Nginx(folder / "nginx", tap.port, module)
        try:
            through = verdicts(suite, f"http://127.0.0.1:{nginx.port}{made.path}", folder)
            nginx.quit()
        finally:
            nginx.kill()
            tap.close()
    assert through == direct
    assert sum(mark == "✓" for mark, _, _ in direct.values()) >= PASSED_MIN[server][suite]
    if module is not None:
        compare(Reading(tap.exchanges()).read().calls, recorded_calls(nginx.store))


def compare(made: list[dict[str, Any]], recorded: list[dict[str, Any]]) -> None:
    """The same calls, with the same outcome but where the suite hung up before the answer passed."""
    surplus = Counter(map(identity, recorded)) - Counter(map(identity, made))
    missing = Counter(map(identity, made)) - Counter(map(identity, recorded))
    hung_up = [call for call in surplus if call[OUTCOME] in ("pending", "cancelled", "aborted")]
    for call in hung_up:
        same = (one for one in missing if one[:OUTCOME] == call[:OUTCOME] and one[OUTCOME + 2 :] == call[OUTCOME + 2 :])
        if (one := next(same, None)) is not None:
            missing -= Counter([one] * surplus[call])
            del surplus[call]
    assert not missing and not surplus, f"not recorded: {[*missing.elements()]}\nrecorded, not made: {[*surplus.elements()]}"
