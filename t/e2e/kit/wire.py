"""Reads HTTP/1.1, event streams and JSON-RPC off captured bytes, the plain way.

It shares nothing with the module: it is what the module's records are compared with.
"""

import gzip
import json
import zlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Head:
    """A start line with its headers, names in lower case."""

    line: str
    headers: dict[str, str]


@dataclass
class Exchange:
    """One request with its answer."""

    request: Head
    body: bytes
    answer: Head | None = None
    answer_body: bytes = b""
    interim: list[Head] = field(default_factory=list)

    @property
    def method(self) -> str:
        return self.request.line.split(" ")[0]

    @property
    def path(self) -> str:
        return urlsplit(self.request.line.split(" ")[1]).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.request.line.split(" ")[1]).query).items()}

    @property
    def status(self) -> int:
        return int(self.answer.line.split(" ")[1]) if self.answer else 0

    @property
    def media_type(self) -> str:
        return self.answer.headers.get("content-type", "").split(";")[0].strip().lower() if self.answer else ""

    def answers(self) -> list[dict[str, Any]]:
        """The JSON-RPC messages of the answer, in order."""
        if self.media_type == "text/event-stream":
            documents = [event["data"] for event in events(self.answer_body) if event["event"] in ("", "message")]
        else:
            documents = [self.answer_body.decode("utf-8", "replace")]
        return [message for document in documents for message in messages(document)]


def head(data: bytes) -> tuple[Head, bytes]:
    """Splits a head from what follows it."""
    text, _, rest = data.partition(b"\r\n\r\n")
    lines = text.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Head(lines[0], headers), rest


def unchunked(data: bytes) -> tuple[bytes, bytes]:
    """The body in a chunked coding, as far as it is there, and what follows it."""
    body = b""
    while True:
        size_line, newline, rest = data.partition(b"\r\n")
        if not newline:
            return body, b""
        size = int(size_line.split(b";")[0], 16)
        if size == 0:
            return body, rest.partition(b"\r\n")[2] if rest.startswith(b"\r\n") else b""
        body += rest[:size]
        data = rest[size + 2 :]


def framed(part: Head, rest: bytes, ends_with_connection: bool) -> tuple[bytes, bytes]:
    """The body that belongs to a head, and what follows it."""
    if "chunked" in part.headers.get("transfer-encoding", "").lower():
        return unchunked(rest)
    if "content-length" in part.headers:
        length = int(part.headers["content-length"])
        return rest[:length], rest[length:]
    return (rest, b"") if ends_with_connection else (b"", rest)


def decoded(part: Head, body: bytes) -> bytes:
    match part.headers.get("content-encoding", "").lower():
        case "gzip":
            return gzip.decompress(body)
        case "deflate":
            return zlib.decompress(body)
    return body


def exchanges(c2s: bytes, s2c: bytes) -> list[Exchange]:
    """The exchanges of one connection."""
    found: list[Exchange] = []
    while c2s:
        request, rest = head(c2s)
        body, c2s = framed(request, rest, False)
        exchange = Exchange(request, decoded(request, body))
        while s2c:
            answer, rest = head(s2c)
            if answer.line.split(" ")[1].startswith("1"):
                exchange.interim.append(answer)
                s2c = rest
                continue
            no_body = answer.line.split(" ")[1] in ("204", "304")
            answer_body, s2c = (b"", rest) if no_body else framed(answer, rest, True)
            exchange.answer, exchange.answer_body = answer, decoded(answer, answer_body)
            break
        found.append(exchange)
    return found


def events(stream: bytes) -> list[dict[str, str]]:
    """The events of a stream that have data, as the HTML standard reads them."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    found: list[dict[str, str]] = []
    event = {"event": "", "id": ""}
    data: list[str] = []
    *lines, _unfinished = text.split("\n")
    for line in lines:
        if not line:
            if any(data):
                found.append(event | {"data": "\n".join(data)})
            event, data = {"event": "", "id": ""}, []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name in event:
            event[name] = value
    return found


def messages(document: str) -> list[dict[str, Any]]:
    """The JSON-RPC messages of a JSON text; none where it is no such thing."""
    try:
        value = json.loads(document)
    except ValueError:
        return []
    values = value if isinstance(value, list) else [value]
    return [item for item in values if isinstance(item, dict) and item.get("jsonrpc") == "2.0"]
