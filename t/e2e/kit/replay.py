"""Captured exchanges, and a server that answers with the captured bytes at the captured cuts."""

import json
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .wire import framed, head, unchunked

READ_BYTES = 65536
# Between two pieces of an answer, so that they arrive as two reads.
PAUSE_SECONDS = 0.002
PIECE_BYTES = 700
PATIENCE_SECONDS = 10
# How long the client waits for an answer that never came.
SILENCE_SECONDS = 0.3


@dataclass(frozen=True)
class Sample:
    """One captured exchange."""

    name: str
    request: bytes
    answer: bytes
    cuts: tuple[int, ...]

    @property
    def pieces(self) -> list[bytes]:
        edges = [0, *self.cuts, len(self.answer)]
        return [self.answer[start:end] for start, end in zip(edges, edges[1:])]

    @property
    def is_whole(self) -> bool:
        """Whether the answer was captured to its end."""
        if not self.answer:
            return False
        part, rest = head(self.answer)
        if "chunked" in part.headers.get("transfer-encoding", "").lower():
            return rest.endswith(b"0\r\n\r\n")
        return len(rest) >= int(part.headers.get("content-length", 0))


def samples(folder: Path) -> list[Sample]:
    """A conversation, in order."""
    cuts = json.loads((folder / "cuts.json").read_text())
    found = []
    for path in sorted(folder.glob("*.request.raw")):
        name = path.name.removesuffix(".request.raw")
        answer = (folder / f"{name}.response.raw").read_bytes()
        where = cuts.get(name) or range(PIECE_BYTES, len(answer), PIECE_BYTES)
        found.append(Sample(name, path.read_bytes(), answer, tuple(where)))
    return found


def body_of(part_and_body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer, as far as it is there."""
    part, rest = head(part_and_body)
    chunked = "chunked" in part.headers.get("transfer-encoding", "").lower()
    body = unchunked(rest)[0] if chunked else framed(part, rest, True)[0]
    return int(part.line.split(" ")[1]), part.headers, body


class Player:
    """Answers each request with the sample that is on."""

    def __init__(self) -> None:
        self.sample: Sample | None = None
        self.received: bytes = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.settimeout(PATIENCE_SECONDS)
                try:
                    self._answer(connection)
                except OSError:
                    pass

    def _answer(self, connection: socket.socket) -> None:
        sample = self.sample
        assert sample is not None
        self.received = read_request(connection)
        for piece in sample.pieces:
            connection.sendall(piece)
            time.sleep(PAUSE_SECONDS)
        if not sample.is_whole:
            # It was still going on when the capture ended: the client ends it.
            connection.recv(1)

    def close(self) -> None:
        self._listener.close()


def read_request(connection: socket.socket) -> bytes:
    """A request with its body."""
    data = b""
    while True:
        part, rest = head(data)
        if b"\r\n\r\n" in data and len(rest) >= int(part.headers.get("content-length", 0)):
            return data
        more = connection.recv(READ_BYTES)
        if not more:
            return data
        data += more


def play(sample: Sample, port: int) -> bytes:
    """Sends the captured request and returns what comes back: all of it where the captured answer is
    whole, else as much of the body as was captured."""
    wanted = len(body_of(sample.answer)[2]) if sample.answer else 0
    data = b""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(PATIENCE_SECONDS if sample.answer else SILENCE_SECONDS)
        connection.sendall(sample.request)
        while not is_enough(sample, data, wanted):
            try:
                more = connection.recv(READ_BYTES)
            except TimeoutError:
                break
            if not more:
                break
            data += more
    return data


def is_enough(sample: Sample, data: bytes, wanted: int) -> bool:
    if not sample.answer or b"\r\n\r\n" not in data:
        return False
    part, rest = head(data)
    if not sample.is_whole:
        return len(body_of(data)[2]) >= wanted
    if "chunked" in part.headers.get("transfer-encoding", "").lower():
        return rest.endswith(b"0\r\n\r\n")
    if part.line.split(" ")[1] in ("204", "304"):
        return True
    return "content-length" in part.headers and len(rest) >= int(part.headers["content-length"])
