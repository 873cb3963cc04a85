"""An MCP server on the official Python SDK, with a tool for everything that can come of a call.

It serves both eras on one path: 2025-11-25 and older with sessions, 2026-07-28 without. The names
beginning with ``test_`` and ``test://`` are those that the official conformance suite looks for.
"""

import argparse
import asyncio
import base64
from typing import Annotated, Any

import mcp_types as types
import uvicorn
from mcp import MCPError
from mcp.server.mcpserver import AssistantMessage, Context, Elicit, MCPServer, Resolve, Sample, UserMessage
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.streamable_http import EventMessage, EventStore
from pydantic import BaseModel, Field

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PNG_TEXT = base64.b64encode(PNG).decode()
WAV_TEXT = base64.b64encode(b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\0\0\0\0").decode()

server = MCPServer("fixture", version="1.0.0", log_level="ERROR", instructions="Everything that can come of a call.")


class Events(EventStore):
    """Keeps every event in memory, so that streams can be resumed."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    async def store_event(self, stream_id: str, message: Any) -> str:
        self.events.append((stream_id, message))
        return str(len(self.events))

    async def replay_events_after(self, last_event_id: str, send_callback: Any) -> str | None:
        if not last_event_id.isdigit() or not 0 < int(last_event_id) <= len(self.events):
            return None
        last = int(last_event_id)
        stream_id = self.events[last - 1][0]
        for number, (stream, message) in enumerate(self.events[last:], last + 1):
            if stream == stream_id and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream_id


# What the script of calls uses.


@server.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
def echo(text: str) -> str:
    """Says it again."""
    return text


@server.tool()
def fail(reason: str) -> str:
    """Fails as a tool fails: a result that says isError."""
    raise ToolError(reason)


@server.tool()
def refuse(code: int) -> str:
    """Fails as a method fails: a JSON-RPC error."""
    raise MCPError(code=code, message="refused by the tool")


@server.tool()
async def count(to: int, ctx: Context) -> str:
    """Counts, with progress and a log line at every step."""
    for step in range(1, to + 1):
        await ctx.report_progress(step, to, f"step {step}")
        await ctx.info(f"at {step}")
        await asyncio.sleep(0.02)
    return f"counted to {to}"


@server.tool(name="tool with ünïcode")
def unusual(word: str = "") -> str:
    """Its name needs the encoded form of Mcp-Name."""
    return word.upper()


class Name(BaseModel):
    name: str


def question() -> Elicit[Name]:
    return Elicit("What is your name?", Name)


@server.tool()
def greet(who: Annotated[Name, Resolve(question)]) -> str:
    """Asks the user: by a request of its own on the old revisions, by input_required on the new one."""
    return f"Hello, {who.name}"


def thought() -> Sample:
    message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text="Say a word."))
    return Sample([message], max_tokens=10)


@server.tool()
def think(answer: Annotated[types.CreateMessageResult, Resolve(thought)]) -> str:
    """Asks the client's model."""
    return f"thought: {getattr(answer.content, 'text', '')}"


@server.resource("fixture://greeting", mime_type="text/plain")
def greeting() -> str:
    """A text."""
    return "good morning"


@server.resource("fixture://pages/{number}", mime_type="text/plain")
def page(number: str) -> str:
    """A page of a book."""
    return f"page {number}"


@server.prompt()
def review(subject: str, tone: str = "kind") -> str:
    """Asks for a review."""
    return f"Write a {tone} review of {subject}."


@server.completion()
async def complete(ref: Any, argument: types.CompletionArgument, context: Any) -> types.Completion:
    words = [word for word in ("kind", "keen", "blunt", "paris", "park") if word.startswith(argument.value)]
    return types.Completion(values=words, total=len(words), has_more=False)


# What the conformance suite looks for.


@server.tool()
def test_simple_text() -> str:
    """Answers with text."""
    return "This is a simple text response for testing."


@server.tool(structured_output=False)
def test_image_content() -> list[types.ContentBlock]:
    """Answers with an image."""
    return [types.ImageContent(type="image", data=PNG_TEXT, mime_type="image/png")]


@server.tool(structured_output=False)
def test_audio_content() -> list[types.ContentBlock]:
    """Answers with a sound."""
    return [types.AudioContent(type="audio", data=WAV_TEXT, mime_type="audio/wav")]


def embedded(uri: str, text: str, mime_type: str = "text/plain") -> types.EmbeddedResource:
    resource = types.TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return types.EmbeddedResource(type="resource", resource=resource)


@server.tool(structured_output=False)
def test_embedded_resource() -> list[types.ContentBlock]:
    """Answers with a resource."""
    return [embedded("test://embedded-resource", "This is an embedded resource content.")]


@server.tool(structured_output=False)
def test_multiple_content_types() -> list[types.ContentBlock]:
    """Answers with text, an image and a resource."""
    return [
        types.TextContent(type="text", text="Multiple content types test:"),
        types.ImageContent(type="image", data=PNG_TEXT, mime_type="image/png"),
        embedded("test://mixed-content-resource", '{"test":"data","value":123}', "application/json"),
    ]


@server.tool()
async def test_tool_with_logging(ctx: Context) -> str:
    """Logs three lines."""
    for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.info(line)
        await asyncio.sleep(0.05)
    return "Tool with logging executed successfully"


@server.tool()
async def test_logging_tool(ctx: Context) -> str:
    """Logs one line."""
    await ctx.info("a line")
    return "logged"


@server.tool()
async def test_tool_with_progress(ctx: Context) -> str:
    """Tells its progress three times."""
    for step in (0, 50, 100):
        await ctx.report_progress(step, 100, f"Completed step {step} of 100")
        await asyncio.sleep(0.05)
    return "Tool with progress executed successfully"


@server.tool()
def test_error_handling() -> str:
    """Fails."""
    raise ToolError("This tool intentionally returns an error for testing")


@server.tool()
async def test_sampling(prompt: str, ctx: Context) -> str:
    """Asks the client's model, by a request of its own."""
    message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=prompt))
    result = await ctx.session.create_message([message], max_tokens=100, related_request_id=ctx.request_id)
    return f"LLM response: {getattr(result.content, 'text', result.content)}"


class Answer(BaseModel):
    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


@server.tool()
async def test_elicitation(message: str, ctx: Context) -> str:
    """Asks the user, by a request of its own."""
    result = await ctx.elicit(message, Answer)
    return f"User response: action={result.action}, content={getattr(result, 'data', None)}"


async def elicit_form(ctx: Context, message: str, properties: dict[str, Any]) -> str:
    schema = {"type": "object", "properties": properties}
    result = await ctx.session.elicit_form(message, schema, related_request_id=ctx.request_id)
    return f"Elicitation completed: action={result.action}, content={result.content}"


@server.tool()
async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    """Asks with a default of every type."""
    return await elicit_form(
        ctx,
        "Please review and update the form fields with defaults",
        {
            "name": {"type": "string", "description": "User name", "default": "John Doe"},
            "age": {"type": "integer", "description": "User age", "default": 30},
            "score": {"type": "number", "description": "User score", "default": 95.5},
            "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
            "verified": {"type": "boolean", "description": "Verification status", "default": True},
        },
    )


@server.tool()
async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    """Asks with an enumeration of every form."""
    options = ["option1", "option2", "option3"]
    titled = [{"const": f"value{n}", "title": f"{word} Option"} for n, word in enumerate(("First", "Second", "Third"), 1)]
    return await elicit_form(
        ctx,
        "Please select options from the enum fields",
        {
            "untitledSingle": {"type": "string", "enum": options},
            "titledSingle": {"type": "string", "oneOf": titled},
            "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["One", "Two", "Three"]},
            "untitledMulti": {"type": "array", "items": {"type": "string", "enum": options}},
            "titledMulti": {"type": "array", "items": {"anyOf": titled}},
        },
    )


@server.tool()
async def test_reconnection(ctx: Context) -> str:
    """Closes its stream before it answers, so that the client has to come back for the answer."""
    await ctx.close_sse_stream()
    await asyncio.sleep(0.1)
    return "Reconnection test completed"


def ask_for(key: str, message: str, field: str, kind: str = "string") -> dict[str, Any]:
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    params = types.ElicitRequestFormParams(message=message, requested_schema=schema)
    return {key: types.ElicitRequest(params=params)}


def ask_model(key: str, text: str, tokens: int) -> dict[str, Any]:
    message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=text))
    return {key: types.CreateMessageRequest(params=types.CreateMessageRequestParams(messages=[message], max_tokens=tokens))}


def ask_roots(key: str) -> dict[str, Any]:
    return {key: types.ListRootsRequest()}


def need(requests: dict[str, Any], state: str | None = None) -> types.InputRequiredResult:
    return types.InputRequiredResult(input_requests=requests, request_state=state)


def has(ctx: Context, *keys: str) -> bool:
    return all(key in (ctx.input_responses or {}) for key in keys)


def content_of(ctx: Context, key: str, field: str) -> Any:
    answer = (ctx.input_responses or {})[key]
    return (getattr(answer, "content", None) or {}).get(field)


@server.tool(structured_output=False)
def test_input_required_result_elicitation(ctx: Context) -> str | types.InputRequiredResult:
    """Needs the user's word."""
    if not has(ctx, "user_name"):
        return need(ask_for("user_name", "What is your name?", "name"))
    return f"Hello, {content_of(ctx, 'user_name', 'name')}!"


@server.tool(structured_output=False)
def test_input_required_result_sampling(ctx: Context) -> str | types.InputRequiredResult:
    """Needs the model's word."""
    if not has(ctx, "capital_question"):
        return need(ask_model("capital_question", "What is the capital of France?", 100))
    return f"The model said: {getattr((ctx.input_responses or {})['capital_question'].content, 'text', '')}"


@server.tool(structured_output=False)
def test_input_required_result_list_roots(ctx: Context) -> str | types.InputRequiredResult:
    """Needs the client's roots."""
    if not has(ctx, "client_roots"):
        return need(ask_roots("client_roots"))
    return f"Roots: {[str(root.uri) for root in (ctx.input_responses or {})['client_roots'].roots]}"


@server.tool(structured_output=False)
def test_input_required_result_request_state(ctx: Context) -> str | types.InputRequiredResult:
    """Keeps its state with the client."""
    if ctx.request_state != "first" or not has(ctx, "confirm"):
        return need(ask_for("confirm", "Please confirm", "ok", "boolean"), "first")
    return "state-ok"


@server.tool(structured_output=False)
def test_input_required_result_tampered_state(ctx: Context) -> str | types.InputRequiredResult:
    """Keeps its state with the client, who may not change it."""
    if ctx.request_state != "first" or not has(ctx, "confirm"):
        return need(ask_for("confirm", "Please confirm", "ok", "boolean"), "first")
    return "state-ok"


@server.tool(structured_output=False)
def test_input_required_result_multiple_inputs(ctx: Context) -> str | types.InputRequiredResult:
    """Needs three things at once."""
    if not has(ctx, "user_name", "greeting", "client_roots"):
        requests = ask_for("user_name", "What is your name?", "name")
        requests |= ask_model("greeting", "Generate a greeting", 50) | ask_roots("client_roots")
        return need(requests, "all three")
    return "all inputs received"


@server.tool(structured_output=False)
def test_input_required_result_multi_round(ctx: Context) -> str | types.InputRequiredResult:
    """Needs two things, one after the other."""
    if ctx.request_state is None or (ctx.request_state == "one" and not has(ctx, "step1")):
        return need(ask_for("step1", "Step 1: What is your name?", "name"), "one")
    if not has(ctx, "step2"):
        return need(ask_for("step2", "Step 2: What is your favorite color?", "color"), "two")
    return f"done: {content_of(ctx, 'step2', 'color')}"


@server.tool(structured_output=False)
def test_input_required_result_capabilities(ctx: Context) -> str | types.InputRequiredResult:
    """Needs only what the client says it can give."""
    able = ctx.client_capabilities
    requests: dict[str, Any] = {}
    if able and able.elicitation is not None:
        requests |= ask_for("user_name", "What is your name?", "name")
    if able and able.sampling is not None:
        requests |= ask_model("question", "What is the capital of France?", 100)
    if requests and not ctx.input_responses:
        return need(requests)
    return "nothing needed"


@server.tool(structured_output=False)
def test_streaming_elicitation(ctx: Context) -> str | types.InputRequiredResult:
    """Needs the user's word."""
    if not has(ctx, "user_name"):
        return need(ask_for("user_name", "What is your name?", "name"))
    return "thanks"


@server.tool()
def test_missing_capability(ctx: Context) -> str:
    """Needs a client that can sample."""
    able = ctx.client_capabilities
    if able is None or able.sampling is None:
        data = types.MissingRequiredClientCapabilityErrorData(
            required_capabilities=types.ClientCapabilities(sampling=types.SamplingCapability())
        )
        raise MCPError(
            code=types.MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="sampling is needed",
            data=data.model_dump(by_alias=True, exclude_none=True),
        )
    return "able"


@server.tool()
async def test_trigger_tool_change(ctx: Context) -> str:
    """Tells subscribers that the tools changed."""
    await ctx.notify_tools_changed()
    return "told"


@server.tool()
async def test_trigger_prompt_change(ctx: Context) -> str:
    """Tells subscribers that the prompts changed."""
    await ctx.notify_prompts_changed()
    return "told"


@server.tool()
def test_x_mcp_header(
    region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})],
) -> str:
    """Mirrors an argument into a header."""
    return region


@server.resource("test://static-text", mime_type="text/plain")
def static_text() -> str:
    """A text."""
    return "This is the content of the static text resource."


@server.resource("test://static-binary", mime_type="image/png")
def static_binary() -> bytes:
    """An image."""
    return PNG


@server.resource("test://template/{id}/data", mime_type="application/json")
def template(id: str) -> str:
    """A text made for an id."""
    return f'{{"id":"{id}","templateTest":true,"data":"Data for ID: {id}"}}'


@server.resource("test://watched-resource", mime_type="text/plain")
def watched() -> str:
    """A text that can be watched."""
    return "Watched resource content"


@server.prompt()
def test_simple_prompt() -> str:
    """A prompt."""
    return "This is a simple prompt for testing."


@server.prompt()
def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    """A prompt with arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


@server.prompt()
def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
    """A prompt with a resource."""
    return [
        UserMessage(content=embedded(resourceUri, "Embedded resource content for testing.")),
        UserMessage("Please process the embedded resource above."),
    ]


@server.prompt()
def test_prompt_with_image() -> list[UserMessage]:
    """A prompt with an image."""
    return [
        UserMessage(content=types.ImageContent(type="image", data=PNG_TEXT, mime_type="image/png")),
        UserMessage("Please analyze the image above."),
    ]


@server.prompt()
def test_input_required_result_prompt(ctx: Context) -> str | types.InputRequiredResult:
    """A prompt that needs the user's word."""
    if not has(ctx, "user_context"):
        return need(ask_for("user_context", "What context should the prompt use?", "context"))
    return f"In this context: {content_of(ctx, 'user_context', 'context')}"


async def empty(ctx: Any, params: Any) -> types.EmptyResult:
    return types.EmptyResult()


def add_old_methods() -> None:
    low = server._lowlevel_server
    low.add_request_handler("logging/setLevel", types.SetLevelRequestParams, empty)
    low.add_request_handler("resources/subscribe", types.SubscribeRequestParams, empty)
    low.add_request_handler("resources/unsubscribe", types.UnsubscribeRequestParams, empty)


SCHEMA_2020_12 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


@server.tool()
def json_schema_2020_12_tool(name: str = "") -> str:
    """A tool whose schema uses what JSON Schema 2020-12 has to offer."""
    return name


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--transport", choices=["http", "sse"], default="http")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--stateless", action="store_true")
    options = parser.parse_args()
    add_old_methods()
    server._tool_manager.get_tool("json_schema_2020_12_tool").parameters = SCHEMA_2020_12
    if options.transport == "sse":
        app = server.sse_app()
    else:
        app = server.streamable_http_app(
            json_response=options.json,
            stateless_http=options.stateless,
            event_store=None if options.stateless else Events(),
            retry_interval=200,
        )
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main()
