// Runs a script of calls with one of the official TypeScript clients and prints what came of each
// as JSON. The task comes as JSON on standard input: packages (folder with node_modules), package
// ("sdk" 1.x or "client" 2.x), url, mode ("legacy", "auto", a revision, or "sse"), headers, steps.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const task = JSON.parse(readFileSync(0, "utf8"));
const require = createRequire(task.packages + "/");
const old = task.package === "sdk";
const scope = "@modelcontextprotocol/";
const parts = old
  ? {
      ...require(scope + "sdk/client/index.js"),
      ...require(scope + "sdk/client/sse.js"),
      ...require(scope + "sdk/client/streamableHttp.js"),
      ...require(scope + "sdk/types.js"),
    }
  : require(scope + "client");

const capabilities = { sampling: {}, elicitation: {} };
const versionNegotiation = {
  mode: { auto: "auto", sse: "legacy", legacy: "legacy" }[task.mode] ?? { pin: task.mode },
};
const client = new parts.Client(
  { name: "e2e-typescript", version: old ? "1" : "2" },
  old ? { capabilities } : { capabilities, versionNegotiation },
);

const elicit = async () => ({ action: "accept", content: { name: "Ada" } });
const sample = async () => ({
  model: "model",
  role: "assistant",
  content: { type: "text", text: "word" },
});
let log = 0;
const count = () => void log++;
if (old) {
  client.setRequestHandler(parts.ElicitRequestSchema, elicit);
  client.setRequestHandler(parts.CreateMessageRequestSchema, sample);
  client.setNotificationHandler(parts.LoggingMessageNotificationSchema, count);
} else {
  client.setRequestHandler("elicitation/create", elicit);
  client.setRequestHandler("sampling/createMessage", sample);
  client.setNotificationHandler("notifications/message", count);
}

const Transport =
  task.mode === "sse" ? parts.SSEClientTransport : parts.StreamableHTTPClientTransport;
const transport = new Transport(new URL(task.url), { requestInit: { headers: task.headers } });
await client.connect(transport);

const lists = {
  tools: () => client.listTools(),
  resources: () => client.listResources(),
  resource_templates: () => client.listResourceTemplates(),
  prompts: () => client.listPrompts(),
};
async function run(step) {
  switch (step.do) {
    case "list":
      return lists[step.what]();
    case "tool": {
      const params = { name: step.name, arguments: step.arguments };
      let progress = 0;
      log = 0;
      const options = { onprogress: () => void progress++ };
      const result = old
        ? await client.callTool(params, undefined, options)
        : await client.callTool(params, options);
      return { ...result, progress, log };
    }
    case "resource":
      return client.readResource({ uri: step.uri });
    case "prompt":
      return client.getPrompt({ name: step.name, arguments: step.arguments });
    case "complete":
      return client.complete({
        ref: { type: "ref/prompt", name: step.prompt },
        argument: step.argument,
      });
    case "ping":
      return client.ping();
    default:
      throw new Error("unknown step " + step.do);
  }
}

const results = [];
for (const step of task.steps) {
  try {
    results.push({ result: await run(step) });
  } catch (error) {
    results.push({ error: { code: error.code, message: error.message } });
  }
}
if (transport.terminateSession) await transport.terminateSession();
await client.close();
console.log(JSON.stringify({ results }));
