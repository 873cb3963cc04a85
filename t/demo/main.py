"""Starts the demo, shows what was recorded, and serves on until it is told to stop."""

import asyncio
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from agents import AGENTS, at_work
from kit.process import free_port, listening, stop, wait_for_port, worker_user
from kit.tokens import Issuer

FOLDER = ROOT / "build" / "demo"
STORE = FOLDER / "mcp-sessions"
PORT = int(os.environ.get("PORT") or 8080)
RECORD_SECONDS_MAX = 20
QUIET_SECONDS = 1
CROWD = 20
AT_WORK_MAX = 5

SESSIONS = """select user, json_extract(roles, '$[0]') as role, verified, client, protocol_version as revision,
    id_source as 'id from', substr(session_id, 1, 16) as session, server, calls, errors, attacks,
    case when ended is null then 'open' else 'ended' end as state from sessions order by started_at"""
CALLS = """select substr(at, 12, 12) as at, user, method, primitive, substr(arguments, 1, 56) as arguments, outcome,
    printf('%.1f', duration_ms) as ms, notifications as notes from calls
    where primitive is not null order by calls.at, call"""
ATTACKS = """select substr(a.at, 12, 12) as at, c.user, c.primitive, a.type, a.control, a.place, a.action, a.detail
    from attacks a join calls c on c.call = a.call order by a.at"""


def say(text: str) -> None:
    print(f"demo: {text}", file=sys.stderr, flush=True)


def table(rows: list[sqlite3.Row], names: list[str]) -> str:
    """Rows under their names, in columns as wide as what is in them."""
    cells = [names] + [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(names))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells]
    return "\n".join([lines[0], "  ".join("─" * width for width in widths), *lines[1:]])


def ask(question: str) -> str:
    """The answer of today's database, as a table."""
    newest = max(STORE.glob("????-??-??.db"))
    with closing(sqlite3.connect(f"file:{newest}?mode=ro", uri=True)) as base:
        cursor = base.execute(question)
        return table(cursor.fetchall(), [column[0] for column in cursor.description])


def wait_for_records() -> None:
    """Until every agent's calls were written, and no more are coming."""
    deadline = time.monotonic() + RECORD_SECONDS_MAX
    counts: tuple[int, ...] = ()
    since = time.monotonic()
    while time.monotonic() < deadline:
        time.sleep(0.1)
        days = list(STORE.glob("????-??-??.db"))
        if not days:
            continue
        with closing(sqlite3.connect(f"file:{max(days)}?mode=ro", uri=True)) as base:
            try:
                now = tuple(row[0] for row in base.execute("select count(*) from calls group by user"))
                waiting = base.execute("select count(*) from calls where outcome = 'pending'").fetchone()[0]
            except sqlite3.Error:
                continue
        if now != counts:
            counts, since = now, time.monotonic()
        if len(counts) >= len(AGENTS) and not waiting and time.monotonic() - since > QUIET_SECONDS:
            return
    raise SystemExit(f"demo: not everything was recorded within {RECORD_SECONDS_MAX} s; see {FOLDER}/error.log")


def start_nginx(stack: ExitStack, backend: int) -> None:
    module = ROOT / "build" / "ngx_http_mcp_sessions_module.so"
    text = (HERE / "nginx.conf").read_text()
    for name, value in {
        "NGINX_MODULE": module,
        "NGINX_USER": worker_user(FOLDER),
        "NGINX_FOLDER": FOLDER,
        "NGINX_BACKEND": backend,
        "NGINX_PORT": PORT,
    }.items():
        text = text.replace(name, str(value))
    (FOLDER / "nginx.conf").write_text(text)
    log = FOLDER / "nginx.stderr.log"
    # nginx takes a list of inherited sockets from a variable of this name.
    env = {name: value for name, value in os.environ.items() if name != "NGINX"}
    with log.open("wb") as out:
        binary = os.environ.get("TEST_MCP_NGINX_BINARY") or shutil.which("nginx") or "/usr/sbin/nginx"
        command = [binary, "-p", str(FOLDER), "-c", str(FOLDER / "nginx.conf"), "-e", str(FOLDER / "error.log")]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, start_new_session=True)
    stack.callback(stop, child)
    wait_for_port(PORT, child, log)


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


async def office(address: str, issuer: Issuer) -> None:
    """Agents at work, a crowd at first and then a few at a time, until the demo is stopped."""
    chance = random.Random(1)

    async def work(longest_pause: float) -> None:
        agent = at_work(chance, longest_pause)
        try:
            await agent.run(address, issuer.token(agent.email, list(agent.roles)))
        except Exception as error:  # The show goes on; what failed is in the console.
            with (FOLDER / "agents.log").open("a") as log:
                print(f"{agent.name}: {error!r}", file=log)

    for _ in range(CROWD):
        await work(0)
    busy: set[asyncio.Task[None]] = set()
    while True:
        if len(busy) < AT_WORK_MAX:
            task = asyncio.create_task(work(4))
            busy.add(task)
            task.add_done_callback(busy.discard)
        await asyncio.sleep(chance.uniform(1, 5))


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if is_taken(PORT):
        raise SystemExit(f"demo: somebody listens on 127.0.0.1:{PORT} already (PORT=… chooses another)")
    # Every run begins with an empty store, so that the table shows this run.
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    FOLDER.chmod(0o711)
    issuer = Issuer(FOLDER)
    address = f"http://127.0.0.1:{PORT}"
    with ExitStack() as stack:
        backend = free_port()
        say("the MCP server")
        stack.enter_context(listening([sys.executable, "-B", str(HERE / "crm.py"), str(backend)], backend, FOLDER / "crm.log"))
        say(f"nginx with the module on {address}")
        start_nginx(stack, backend)
        for agent in AGENTS:
            say(f"{agent.name} works for {agent.email} ({agent.mode} on {agent.path})")
            token = issuer.token(agent.email, list(agent.roles))
            (FOLDER / f"{agent.email.split('@')[0]}.jwt").write_text(token)
            asyncio.run(agent.run(address, token))
        wait_for_records()
        day = max(STORE.glob("????-??-??.db"))
        print(f"\nsessions\n\n{ask(SESSIONS)}\n\nwhat they touched\n\n{ask(CALLS)}\n\nwhat controls object to\n\n{ask(ATTACKS)}\n")
        print(f"Read on:  sqlite3 -readonly {day} 'select * from calls'")
        print(f"Counters: curl {address}/metrics")
        print(f"Your own agent: {address}/mcp, with the bearer token in {FOLDER}/alice.jwt")
        print(f"Console:  {address}/mcp-sessions/")
        print("The agents work on; Ctrl-C stops all.", flush=True)
        asyncio.run(office(address, issuer))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        say("stopped")
