"""The official conformance suite comes to the same verdicts with nginx in between as without."""

import re
import subprocess
from pathlib import Path

import pytest

from kit.nginx import Nginx
from kit.stand import PACKAGES, SERVERS, node
from kit.tokens import Issuer

SUITE_SECONDS_MAX = 240
SUITES = {
    "0.1.16": ("conformance-0.1", "--suite", "active"),
    "0.2.0-2025-11-25": ("conformance-0.2", "--requirements", "2025-11-25"),
    "0.2.0-2026-07-28": ("conformance-0.2", "--requirements", "2026-07-28"),
}
# Scenarios of the required set that the server passes, so that a suite that finds nothing to run is
# noticed.
PASSED_MIN = {"mcp": {"0.1.16": 30, "0.2.0-2025-11-25": 30, "0.2.0-2026-07-28": 37}, "everything": {"0.1.16": 11, "0.2.0-2025-11-25": 11}}
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
        nginx = Nginx(folder / "nginx", port, module)
        try:
            through = verdicts(suite, f"http://127.0.0.1:{nginx.port}{made.path}", folder)
            nginx.quit()
        finally:
            nginx.kill()
    assert through == direct
    assert sum(mark == "✓" for mark, _, _ in direct.values()) >= PASSED_MIN[server][suite]
