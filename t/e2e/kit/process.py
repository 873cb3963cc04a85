"""Child processes that are ours: started here, stopped here, by their own id."""

import os
import pwd
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 10
# The user of nginx's workers on Debian.
NGINX_USER = "www-data"


def worker_user(folder: Path) -> str:
    """The directive that says as whom nginx's workers run. Where this is root: as the user that they
    have on Debian too, with no rights but to what nginx makes for it in the folder. Below a private
    folder, such as a checkout in root's home, that user cannot get there: then they stay root."""
    if os.geteuid() != 0:
        return ""
    try:
        user = pwd.getpwnam(NGINX_USER)
    except KeyError:
        return "user root;"
    reach = ["test", "-x", str(folder)]
    can_reach = subprocess.run(reach, user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/").returncode == 0
    return f"user {NGINX_USER};" if can_reach else "user root;"


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port: int, child: subprocess.Popen, log: Path) -> None:
    """Waits until somebody listens there, or says why nobody does."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise RuntimeError(f"{child.args} ended with {child.returncode}:\n{log.read_text()[-4000:]}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"{child.args} does not listen on {port}:\n{log.read_text()[-4000:]}")


def stop(child: subprocess.Popen, sign: signal.Signals = signal.SIGTERM) -> int:
    """Asks a child to end, makes it end if it does not, and returns its exit status."""
    if child.poll() is None:
        child.send_signal(sign)
        try:
            child.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL) if os.getpgid(child.pid) == child.pid else child.kill()
            child.wait()
            raise
    return child.returncode


@contextmanager
def listening(command: list[str], port: int, log: Path, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen]:
    """A child that listens on a port while the block runs."""
    with log.open("wb") as out:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=os.environ | (env or {}), start_new_session=True
        )
    try:
        wait_for_port(port, child, log)
        yield child
    finally:
        try:
            stop(child)
        except subprocess.TimeoutExpired:
            pass
