"""What the end-to-end tests share."""

import os
import tempfile
from pathlib import Path

import pytest

from kit.stand import every_pair, few_pairs
from kit.tokens import Issuer

ROOT = Path(__file__).resolve().parent.parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-pair", action="store_true", help="every client with every server that it can talk to")
    parser.addoption("--bare", action="store_true", help="an nginx without the module: tests the tests")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "pair" in metafunc.fixturenames:
        pairs = every_pair() if metafunc.config.getoption("--every-pair") else few_pairs()
        metafunc.parametrize("pair", pairs, ids=[f"{client.name}+{server.name}" for client, server in pairs])


@pytest.fixture(scope="session")
def module(request: pytest.FixtureRequest) -> Path | None:
    """The module's shared object; none for a bare nginx."""
    if request.config.getoption("--bare"):
        return None
    path = Path(os.environ.get("TEST_MCP_MODULE") or ROOT / "build/ngx_http_mcp_sessions_module.so")
    assert path.exists(), f"{path} is not there: make build"
    return path


@pytest.fixture
def folder() -> Path:
    """A folder of the test's own, with a short name, since paths of sockets and files go into nginx.conf."""
    if os.environ.get("E2E_KEEP"):
        yield passable(tempfile.mkdtemp(prefix="mcp-e2e-"))
        return
    with tempfile.TemporaryDirectory(prefix="mcp-e2e-", ignore_cleanup_errors=True) as name:
        yield passable(name)


def passable(name: str) -> Path:
    """A folder that nginx's workers get through to what is theirs in it."""
    os.chmod(name, 0o711)
    return Path(name)


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer(tmp_path_factory.mktemp("keys"))
