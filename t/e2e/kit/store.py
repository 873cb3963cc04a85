"""Reads the day files as somebody with `sqlite3` would: by their views."""

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 20
JSON_COLUMNS = ("arguments", "result", "roles", "rpc_id")


def rows(store: Path, view: str) -> list[dict[str, Any]]:
    """All rows of a view, over all days."""
    found: list[dict[str, Any]] = []
    for day in sorted(store.glob("????-??-??.db")):
        base = sqlite3.connect(f"file:{day}?mode=ro", uri=True)
        base.row_factory = sqlite3.Row
        with base:
            order = {"calls": " order by at, call"}.get(view, "")
            found += [dict(row) for row in base.execute(f"select * from {view}{order}")]
        base.close()
    return found


def wait_for_rows(store: Path, view: str) -> None:
    """Waits until something is recorded."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if rows(store, view):
                return
        except sqlite3.OperationalError:
            pass  # The file is just being made.
        time.sleep(0.02)
    raise RuntimeError(f"nothing came into the {view} of {store}")


def value(text: Any) -> Any:
    """JSON text as a value; other text as it is."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text
