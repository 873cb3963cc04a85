"""Runs a script of calls with the official Inspector's command line, one run a call, and prints
what came of each as JSON.

The task comes as JSON on standard input: node, packages (folder with node_modules), url, mode
(`legacy`, `auto`, `modern`, or `sse`), headers, steps.
"""

import json
import os
import subprocess
import sys
import tempfile

task = json.load(sys.stdin)
PACKAGE = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"


def options(step: dict) -> list[str]:
    match step["do"]:
        case "list":
            what = {"resource_templates": "resources/templates/list"}.get(step["what"], step["what"] + "/list")
            return ["--method", what]
        case "tool":
            arguments = json.dumps(step["arguments"])
            return ["--method", "tools/call", "--tool-name", step["name"], "--tool-args-json", arguments]
        case "resource":
            return ["--method", "resources/read", "--uri", step["uri"]]
        case "prompt":
            pairs = [f"{key}={value}" for key, value in step["arguments"].items()]
            return ["--method", "prompts/get", "--prompt-name", step["name"]] + (["--prompt-args", *pairs] if pairs else [])
    raise ValueError(step)


results = []
with tempfile.TemporaryDirectory() as home:
    for step in task["steps"]:
        command = [task["node"], os.path.join(task["packages"], PACKAGE), "--cli"]
        command += ["--server-url", task["url"], "--transport", "sse" if task["mode"] == "sse" else "http"]
        command += options(step) + ["--format", "json", "--quiet"]
        if task["mode"] != "sse":
            command += ["--protocol-era", task["mode"]]
        for name, value in task["headers"].items():
            command += ["--header", f"{name}: {value}"]
        ran = subprocess.run(command, env=os.environ | {"HOME": home}, capture_output=True, text=True, timeout=60)
        try:
            # A tool's failure is told by the exit code as well as by the result.
            results.append({"result": json.loads(ran.stdout)})
        except ValueError:
            results.append({"error": {"exit": ran.returncode, "message": ran.stderr.strip()}})
print(json.dumps({"results": results}))
