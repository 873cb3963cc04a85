"""Takes bodies from standard input, each behind its length in four bytes, and writes a line for each:
the calls that Python servers would execute, as `VARIANT:METHOD:NAME` in hexadecimal digits, with
spaces between them; `-` where there is no name.

    python.py VARIANT ...
"""

import json
import struct
import sys

try:
    import pydantic_core
except ImportError:
    pydantic_core = None

KEYS = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri",
        "resources/subscribe": "uri", "resources/unsubscribe": "uri", "tasks/get": "taskId",
        "tasks/result": "taskId", "tasks/cancel": "taskId", "tasks/update": "taskId"}


def text(value):
    """As a server that formats or looks up whatever it was given."""
    if isinstance(value, (int, float, bool)):
        return str(value)
    return value if isinstance(value, str) else None


def names(method, params):
    if not isinstance(params, dict):
        # By position, as JSON-RPC libraries pass it.
        return [text(params[0])] if isinstance(params, list) and params and method in KEYS else [None]
    if method in KEYS:
        return [text(params.get(KEYS[method]))]
    if method == "completion/complete" and isinstance(params.get("ref"), dict):
        reference = params["ref"]
        return [text(reference.get("uri" if reference.get("type") == "ref/resource" else "name"))]
    if method == "subscriptions/listen" and isinstance(params.get("notifications"), dict):
        uris = params["notifications"].get("resourceSubscriptions")
        return [text(uri) for uri in uris] if isinstance(uris, list) and uris else [None]
    return [None]


def calls(value):
    """Of one message or of a batch, however deep; nothing else has to be right."""
    if isinstance(value, list):
        return [call for item in value for call in calls(item)]
    method = text(value.get("method")) if isinstance(value, dict) else None
    if method is None:
        return []
    return [(method, name) for name in names(method, value.get("params"))]


def first_wins(pairs):
    members = {}
    for key, value in pairs:
        members.setdefault(key, value)
    return members


def folded(pairs):
    """Keys as a case-insensitive reader with C's strings has them."""
    return {key.split("\0")[0].strip().casefold().replace("taskid", "taskId")
               .replace("resourcesubscriptions", "resourceSubscriptions"): value
            for key, value in pairs}


def every_document(body):
    """One document behind another, to the first that is none."""
    decoder, rest = json.JSONDecoder(), body.decode("utf-8-sig", "replace").lstrip()
    while rest:
        try:
            value, end = decoder.raw_decode(rest)
        except ValueError:
            return
        yield value
        rest = rest[end:].lstrip(" \t\r\n,;\0\x1e")


def text_within(value):
    return json.loads(value) if isinstance(value, str) else value


def sdk_1():
    from mcp.types import JSONRPCMessage, JSONRPCNotification, JSONRPCRequest

    def read(body):
        message = JSONRPCMessage.model_validate(json.loads(body)).root
        if isinstance(message, (JSONRPCRequest, JSONRPCNotification)):
            return calls({"method": message.method, "params": message.params})
        return []
    return read


def sdk_2():
    from mcp_types import jsonrpc

    def read(body):
        value = pydantic_core.from_json(body)
        message = jsonrpc.jsonrpc_message_adapter.validate_python(value, by_name=False)
        if hasattr(message, "method"):
            return calls({"method": message.method, "params": message.params})
        return []
    return read


VARIANTS = {
    "json": lambda body: calls(json.loads(body)),
    "replaced": lambda body: calls(json.loads(body.decode("utf-8-sig", "replace"), strict=False)),
    "first": lambda body: calls(json.loads(body, object_pairs_hook=first_wins)),
    "folded": lambda body: calls(json.loads(body, object_pairs_hook=folded)),
    "documents": lambda body: calls(list(every_document(body))),
    "within": lambda body: calls(text_within(json.loads(body))),
    "pydantic": lambda body: calls(pydantic_core.from_json(body)),
}
SDKS = {"sdk1": sdk_1, "sdk2": sdk_2}


def digits(value):
    return "-" if value is None else value.encode("utf-8", "surrogatepass").hex()


def main():
    readers = [(name, SDKS[name]() if name in SDKS else VARIANTS[name]) for name in sys.argv[1:]]
    source, sink = sys.stdin.buffer, sys.stdout
    while len(head := source.read(4)) == 4:
        body = source.read(struct.unpack(">I", head)[0])
        line = []
        for variant, read in readers:
            try:
                line += [f"{variant}:{digits(method)}:{digits(name)}" for method, name in read(body)]
            except (ValueError, RecursionError):
                pass
        # Whoever waits for the answer to a single body gets it.
        print(*line, file=sink, flush=True)


if __name__ == "__main__":
    main()
