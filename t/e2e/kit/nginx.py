"""An nginx of one test: its own folder, port, configuration and store."""

import json
import os
import signal
import subprocess
from pathlib import Path

from .process import free_port, stop, wait_for_port, worker_user

# The proxy settings are those that every MCP transport works with.
CONFIGURATION = """\
{load_module}
{user}
worker_processes {workers};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {main}
    server {{
        listen 127.0.0.1:{port};
        server_name crm.example.com;
        client_max_body_size 16m;
        location / {{
            {location}
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_buffering off;
            proxy_read_timeout 1h;
        }}
        {server}
    }}
}}
"""

RECORDING = """\
log_format mcp escape=json '{"method":"$mcp_method","primitive":"$mcp_primitive","outcome":"$mcp_outcome",'
        '"session":"$mcp_session_id","user":"$mcp_user","role":"$mcp_role","status":"$status",'
        '"received":"$upstream_bytes_received"}';
    access_log %(folder)s/access.log mcp;
    mcp_sessions_store %(folder)s/store min_free=16m;
    mcp_sessions on;"""


def program() -> str:
    """The nginx to test with."""
    return os.environ.get("TEST_MCP_NGINX_BINARY") or "/usr/sbin/nginx"


class Nginx:
    """A running nginx in front of a port, with the module recording, or bare."""

    def __init__(self, folder: Path, upstream: int, module: Path | None, location: str = "", workers: int = 2, server: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.configuration = folder / "nginx.conf"
        self.configuration.write_text(
            CONFIGURATION.format(
                load_module=f"load_module {module};" if module else "",
                user=worker_user(folder),
                main=RECORDING % {"folder": folder} if module else f"access_log {folder}/access.log;",
                location=location if module else "",
                server=server if module else "",
                folder=folder,
                port=self.port,
                upstream=upstream,
                workers=workers,
            )
        )
        with (folder / "stderr.log").open("wb") as out:
            command = [program(), "-p", str(folder), "-c", str(self.configuration), "-e", str(folder / "error.log")]
            self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        wait_for_port(self.port, self._child, folder / "stderr.log")

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def received(self) -> int:
        """Bytes that it read from upstream, by its access log."""
        lines = (self.folder / "access.log").read_text(errors="replace").splitlines()
        return sum(int(json.loads(line)["received"] or 0) for line in lines)

    def quit(self) -> None:
        """Ends it as `nginx -s quit` does, and looks through its log for what should not be there."""
        try:
            stop(self._child, signal.SIGQUIT)
        finally:
            log = (self.folder / "error.log").read_text(errors="replace")
            bad = [line for line in log.splitlines() if any(word in line for word in ("[alert]", "[emerg]", "[crit]", "panicked"))]
            assert not bad, "\n".join(bad)

    def kill(self) -> None:
        if self._child.poll() is None:
            stop(self._child)
