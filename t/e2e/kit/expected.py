"""What the records of captured exchanges have to be: the rules of docs/, written down a second time.

It sees whole exchanges after the fact, with a JSON library and no limits, so it can be short. Where
it and the module differ, one of the two is wrong.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from .wire import Exchange, events, messages

KINDS = {"tools/call": "tool", "prompts/get": "prompt"}
RESOURCES = ("resources/read", "resources/subscribe", "resources/unsubscribe", "notifications/resources/updated")
TASKS = ("tasks/get", "tasks/result", "tasks/cancel", "tasks/update", "notifications/tasks/status", "notifications/tasks")
META_VERSION = "io.modelcontextprotocol/protocolVersion"
ERRORS = ("tool_error", "rpc_error", "http_error", "aborted")


@dataclass
class Stream:
    """What came to the client on streams that it opened by GET, of one session."""

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)


def key(rpc_id: Any) -> str:
    """Ids 1 and "1" are different ids."""
    return repr(rpc_id)


def primitive(method: str | None, params: Any) -> tuple[str | None, str | None]:
    params = params if isinstance(params, dict) else {}
    if method in KINDS:
        return KINDS[method], params.get("name")
    if method in RESOURCES:
        return "resource", params.get("uri")
    if method in TASKS:
        return "task", params.get("taskId")
    if method == "completion/complete":
        ref = params.get("ref", {})
        return ("prompt", ref["name"]) if "name" in ref else ("resource", ref.get("uri"))
    return None, None


def arguments(method: str | None, params: Any) -> Any:
    if method in KINDS:
        return (params or {}).get("arguments")
    # Stateless clients say who they are in `_meta`; that is kept elsewhere.
    return None if isinstance(params, dict) and list(params) == ["_meta"] else params


def is_modern(message: dict[str, Any]) -> bool:
    params = message.get("params")
    return isinstance(params, dict) and META_VERSION in (params.get("_meta") or {})


def outcome(answer: dict[str, Any], method: str) -> tuple[str, int | None]:
    if "error" in answer:
        return "rpc_error", answer["error"].get("code")
    result = answer.get("result")
    result = result if isinstance(result, dict) else {}
    if result.get("resultType") == "input_required":
        return "input_required", None
    if method == "tools/call" and result.get("isError") is True:
        return "tool_error", None
    return "ok", None


class Reading:
    """Reads the exchanges of one run."""

    def __init__(self, exchanges: list[Exchange]) -> None:
        self.exchanges = [exchange for exchange in exchanges if exchange.answer or exchange.body]
        self.streams: dict[str, Stream] = {}
        self.posted: dict[tuple[str, str], dict[str, Any]] = {}
        self.calls: list[dict[str, Any]] = []
        self.ended: set[str] = set()

    def read(self) -> "Reading":
        for exchange in self.exchanges:
            self._gather(exchange)
        seen: set[tuple[str, str]] = set()
        for exchange in self.exchanges:
            self._requests(exchange)
            self._server_calls(exchange, seen)
        return self

    def session(self, exchange: Exchange) -> tuple[str, str]:
        """Source and id of the session of an exchange; of a stateless one, `derived` and nothing."""
        sent = messages(exchange.body.decode("utf-8", "replace"))
        if any(is_modern(message) for message in sent):
            return self._without_id(exchange, sent), ""
        opens = any(message.get("method") == "initialize" for message in sent)
        given = exchange.answer.headers.get("mcp-session-id") if exchange.answer else None
        if opens and 200 <= exchange.status < 300 and given:
            return "header", given
        if "mcp-session-id" in exchange.request.headers:
            return "header", exchange.request.headers["mcp-session-id"]
        if exchange.method == "GET":
            for event in events(exchange.answer_body):
                if event["event"] == "endpoint":
                    return "query", event["data"].partition("?")[2].partition("=")[2].partition("&")[0]
        for name, value in exchange.query.items():
            if name.lower().replace("_", "") == "sessionid":
                return "query", value
        return self._without_id(exchange, sent), ""

    def _without_id(self, exchange: Exchange, sent: list[dict[str, Any]]) -> str:
        """Refused logins and failed attempts to find out what the server speaks open no session."""
        is_probe = any(message.get("method") in ("server/discover", "initialize") for message in sent)
        is_failed = exchange.status in (401, 403) or is_probe and exchange.status >= 400
        return "none" if is_failed else "derived"

    def _gather(self, exchange: Exchange) -> None:
        """Answers that came, or may come, on another exchange than their call."""
        session = self.session(exchange)[1]
        for message in messages(exchange.body.decode("utf-8", "replace")):
            if "method" not in message and ("result" in message or "error" in message):
                self.posted[session, key(message.get("id"))] = message
        if exchange.method == "GET":
            stream = self.streams.setdefault(session, Stream())
            for message in exchange.answers():
                if "method" not in message and "id" in message:
                    stream.answers.setdefault(key(message["id"]), message)
        if exchange.method == "DELETE" and 200 <= exchange.status < 300:
            self.ended.add(session)

    def _requests(self, exchange: Exchange) -> None:
        source, session = self.session(exchange)
        for message in messages(exchange.body.decode("utf-8", "replace")):
            if "method" not in message:
                # The answer to a request of the server: a call of its own, of which none is due.
                self._add("client", message, *self._taken(exchange), source, session, exchange.status)
            elif "id" in message:
                self._add("client", message, *self._answer(exchange, message, session), source, session, exchange.status)
            else:
                self._add("client", message, *self._taken(exchange), source, session, exchange.status)

    def _answer(self, exchange: Exchange, message: dict[str, Any], session: str) -> tuple[str, int | None]:
        answers = exchange.answers()
        late = self.streams.get(session, Stream()).answers
        wanted = key(message["id"])
        found = next((answer for answer in answers if "method" not in answer and key(answer.get("id")) == wanted), None)
        found = found or late.get(wanted)
        # An error that names no call, or one that is not there, is about the only call there is.
        found = found or next((answer for answer in answers if "error" in answer and exchange.status >= 400), None)
        if found:
            return outcome(found, message["method"])
        if exchange.status >= 400:
            return "http_error", None
        if exchange.status == 202:
            return "pending", None
        return ("cancelled" if is_modern(message) else "aborted"), None

    def _taken(self, exchange: Exchange) -> tuple[str, int | None]:
        if 200 <= exchange.status < 300:
            return "accepted", None
        error = next((answer for answer in exchange.answers() if "error" in answer), None)
        return outcome(error, "") if error else ("http_error", None)

    def _server_calls(self, exchange: Exchange, seen: set[tuple[str, str]]) -> None:
        source, session = self.session(exchange)
        for message in exchange.answers():
            if "method" not in message or "id" not in message:
                continue
            name = (session, key(message["id"]))
            # A stream that is resumed brings what was lost, and may bring what was not.
            if name in seen:
                continue
            seen.add(name)
            answer = self.posted.get(name)
            came, code = outcome(answer, message["method"]) if answer else ("pending", None)
            self._add("server", message, came, code, source, session, exchange.status)

    def _add(
        self, direction: str, message: dict[str, Any], came: str, code: int | None, source: str, session: str, status: int
    ) -> None:
        method = message.get("method")
        kind, name = primitive(method, message.get("params"))
        kind = kind if isinstance(name, str) else None
        self.calls.append(
            {
                "direction": direction,
                "rpc_id": message.get("id"),
                "method": method,
                "primitive_kind": kind,
                "primitive": name,
                "arguments": arguments(method, message.get("params")),
                "outcome": came,
                "error_code": code,
                "status": status,
                "id_source": source,
                "session_id": session,
            }
        )


def errors(calls: list[dict[str, Any]]) -> int:
    """How many of a session's calls count as errors. Failed probes do not."""
    return sum(call["outcome"] in ERRORS for call in calls if call["id_source"] != "none")


def sessions(calls: list[dict[str, Any]]) -> Counter:
    """Calls by session."""
    return Counter((call["id_source"], call["session_id"]) for call in calls)
