"""Reads the same bytes with this project's scanner, serde_json, Python's json and Node's
JSON.parse, prints what each takes them for, and fails where the scanner is not a safe judge:

* it must find no flaw exactly where serde_json, a strict reader, accepts (but duplicate keys);
* where it finds no flaw, every reader must accept, and see the same call.

    cargo build --release && python3 compare.py [random documents, 20000] [seed]
"""

import json
import os
import pathlib
import random
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE / "target"))
CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wipe"}}'
READERS = ["serde_json", "Python json", "Node toString", "Node TextDecoder"]
# What readers refuse by limits of their own, or read with less than the digits that are there.
LIMITS = ("recursion limit", "number out of range", "maximum recursion")


def variant(old, new):
    assert old in CALL
    return CALL.replace(old, new)


CASES = [
    ("plain", CALL),
    ("space around", b" \r\n\t" + CALL + b"\n"),
    ("escaped names", variant(b'"method"', b'"m\\u0065thod"')),
    ("escaped solidus", variant(b"tools/call", b"tools\\/call")),
    ("empty", b""),
    ("cut", CALL[:-12]),
    ("byte order mark", b"\xef\xbb\xbf" + CALL),
    ("UTF-16LE", CALL.decode().encode("utf-16-le")),
    ("UTF-16 with mark", CALL.decode().encode("utf-16")),
    ("UTF-16BE", CALL.decode().encode("utf-16-be")),
    ("UTF-32LE", CALL.decode().encode("utf-32-le")),
    ("two documents", CALL + CALL),
    ("trailing NUL", CALL + b"\0"),
    ("trailing text", CALL + b"x"),
    ("comment", variant(b'"id"', b'/*c*/"id"')),
    ("line comment", b"//c\n" + CALL),
    ("trailing comma", variant(b'"wipe"', b'"wipe",')),
    ("single quotes", CALL.replace(b'"', b"'")),
    ("bare key", variant(b'"method"', b"method")),
    ("method twice", variant(b'"id":1', b'"method":"ping","id":1')),
    ("method twice, escaped", CALL[:-1] + b',"\\u006dethod":"ping"}'),
    ("name twice", variant(b'"wipe"', b'"look","name":"wipe"')),
    ("key in other case", variant(b'"method"', b'"Method"')),
    ("key with NUL", variant(b'"method"', b'"method\\u0000"')),
    ("key with fullwidth letter", variant(b'"method"', '"metho\uff44"'.encode())),
    ("invalid UTF-8 in name", variant(b"wipe", b"wi\xffpe")),
    ("overlong UTF-8", variant(b"wipe", b"wipe\xc1\x81")),
    ("UTF-8 surrogate", variant(b"wipe", b"wipe\xed\xa0\x80")),
    ("cut UTF-8", variant(b"wipe", b"wipe\xe2\x82")),
    ("lone surrogate", variant(b"wipe", b"wipe\\ud800")),
    ("surrogates swapped", variant(b"wipe", b"\\ude00\\ud83d")),
    ("surrogate pair", variant(b"wipe", b"\\ud83d\\ude00")),
    ("NUL escape in name", variant(b"wipe", b"wi\\u0000pe")),
    ("raw NUL in name", variant(b"wipe", b"wi\0pe")),
    ("raw line feed in name", variant(b"wipe", b"wi\npe")),
    ("DEL in name", variant(b"wipe", b"wi\x7fpe")),
    ("bad escape", variant(b"wipe", b"wi\\xpe")),
    ("NaN", variant(b'"wipe"', b'"wipe","a":NaN')),
    ("-Infinity", variant(b'"wipe"', b'"wipe","a":-Infinity')),
    ("leading zero", variant(b":1,", b":01,")),
    ("plus sign", variant(b":1,", b":+1,")),
    ("no fraction", variant(b":1,", b":1.,")),
    ("hexadecimal", variant(b":1,", b":0x1,")),
    ("id 1.0", variant(b":1,", b":1.0,")),
    ("id 2^53+1", variant(b":1,", b":9007199254740993,")),
    ("id 2^64+1", variant(b":1,", b":18446744073709551617,")),
    ("id 1e400", variant(b":1,", b":1e400,")),
    ("id of 1,000 digits", variant(b":1,", b":" + b"7" * 1000 + b",")),
    ("id null", variant(b":1,", b":null,")),
    ("id object", variant(b":1,", b':{"a":[1]},')),
    ("batch", b"[" + CALL + b"]"),
    ("form feed as space", b"\x0c" + CALL),
    ("no-break space", "\u00a0".encode() + CALL),
    ("200 levels", variant(b'"wipe"', b'"wipe","a":' + b"[" * 200 + b"]" * 200)),
    ("100,000 levels", variant(b'"wipe"', b'"wipe","a":' + b"[" * 100000 + b"]" * 100000)),
]

PIECES = [b"{", b"}", b"[", b"]", b":", b",", b'"', b"\\", b"\\u0065", b"\\ud800", b"\\n", b"\n",
          b"/*c*/", b"\xef\xbb\xbf", b"\0", b"\xff", b"\xc3\xa9", b"-", b"1.", b"e5", b"0", b"NaN",
          b"null", b'"id":2,', b'"method":"ping",', b'"a":{"b":[1,2]},']


def mutated(rng):
    data = bytearray(CALL)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data) + 1)
        data[at:at + rng.choice([0, 0, 1, 3])] = rng.choice(PIECES)
    return bytes(data)


def python_read(data):
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        return {"ok": False, "error": str(error)[:80]}
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, dict):
        return {"ok": True, "call": [None, None, None]}
    params = value.get("params")
    name = params.get("name") if isinstance(params, dict) else None
    method = value.get("method")
    call_id = json.dumps(value["id"], separators=(",", ":")) if "id" in value else None
    text = [part if isinstance(part, str) else None for part in (method, name)]
    return {"ok": True, "call": [text[0], call_id, text[1]]}


def read_all(documents):
    lines = "".join(data.hex() + "\n" for data in documents)
    # An empty document is an empty line, which Node's reader must see as well.
    lines = lines.replace("\n\n", "\n \n") if not lines.startswith("\n") else " " + lines

    def run(*command):
        done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    rust = run(TARGET / "release" / "recognition", "read")
    node = run("node", HERE / "read.js")
    for index, data in enumerate(documents):
        rest = [rust[2 * index + 1], python_read(data), node[2 * index], node[2 * index + 1]]
        yield rust[2 * index], dict(zip(READERS, rest))


def is_limit(reading):
    return any(limit in reading.get("error", "") for limit in LIMITS)


def complaints(ours, readings):
    strict = readings["serde_json"]
    is_strict = not set(ours["flaws"]) - {"duplicate_key", "too_deep"}
    if is_strict != strict["ok"] and not is_limit(strict):
        yield f"flaws {ours['flaws']}, but serde_json: {strict}"
    if not ours["ok"]:
        return
    for reader, reading in readings.items():
        if not reading["ok"] and not is_limit(reading):
            yield f"no flaw, but {reader} refuses: {reading['error']}"
        if reading["ok"] and not same_call(reading["call"], ours["call"]):
            yield f"{reader} reads {reading['call']}, not {ours['call']}"


def same_call(one, other):
    def number(text):
        # The scanner keeps the beginning of an id that is longer than any sensible one.
        if text and len(text) > 256:
            return text[:200]
        if text and "…" in text:
            return text[:200]
        try:
            return float(text)
        except (TypeError, ValueError):
            return text
    # The primitive is ours to name only where the method has one.
    names = one[2] == other[2] or other[2] is None
    ids = number(one[1]) == number(other[1]) or "null" in (one[1], other[1])
    return one[0] == other[0] and names and ids


def shown(reading):
    if "call" not in reading or reading["call"] is None:
        return "refused" if "error" in reading else "nothing"
    text = " ".join(part for part in reading["call"] if part) or "no call"
    text = text.replace("tools/call ", "")
    text = text.encode("unicode_escape").decode()
    return text if len(text) < 24 else text[:20] + "…"


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    failures = []
    print("| bytes | flaws | scanner reads | " + " | ".join(READERS) + " |")
    print("|---" * (3 + len(READERS)) + "|")
    for (name, data), (ours, readings) in zip(CASES, read_all([data for _, data in CASES])):
        cells = [name, " ".join(ours["flaws"]) or "–", shown(ours)]
        print("| " + " | ".join(cells + [shown(readings[reader]) for reader in READERS]) + " |")
        failures += [f"{name}: {text}" for text in complaints(ours, readings)]

    rng = random.Random(seed)
    documents = [mutated(rng) for _ in range(count)]
    by_flaw = {}
    for data, (ours, readings) in zip(documents, read_all(documents)):
        failures += [f"{data!r}: {text}" for text in complaints(ours, readings)]
        for flaw in ours["flaws"] if len(ours["flaws"]) < 2 else ["several"]:
            row = by_flaw.setdefault(flaw, [0] * (1 + len(READERS)))
            row[0] += 1
            for column, reader in enumerate(READERS):
                row[1 + column] += readings[reader]["ok"]
        if ours["ok"]:
            row = by_flaw.setdefault("none", [0] * (1 + len(READERS)))
            row[0] += 1
            for column, reader in enumerate(READERS):
                row[1 + column] += readings[reader]["ok"]
    print(f"\n{count} random changes to the first (seed {seed}); how many each reader accepts:\n")
    print("| only flaw | documents | " + " | ".join(READERS) + " |")
    print("|---" * (2 + len(READERS)) + "|")
    for flaw, row in sorted(by_flaw.items(), key=lambda item: -item[1][0]):
        print(f"| {flaw} | " + " | ".join(str(cell) for cell in row) + " |")
    for failure in failures[:20]:
        print("DISAGREEMENT", failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
