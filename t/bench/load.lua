-- Load for wrk: a table of tools/call requests made once, so that making them costs the load
-- generator's core nothing while it counts. Settings come by the environment.
local kind = os.getenv("BENCH_KIND") or "json"
local size = tonumber(os.getenv("BENCH_SIZE") or "200")
local sessions = tonumber(os.getenv("BENCH_SESSIONS") or "200")
local pause = tonumber(os.getenv("BENCH_PAUSE_MS") or "0")
local path = os.getenv("BENCH_PATH") or "/mcp"

local requests, count, turn = {}, 0, 0

function init()
  math.randomseed(7)
  if kind == "page" then
    count, requests[1] = 1, wrk.format("GET", path, {Accept = "text/html"})
    return
  end
  -- Large bodies are few, so that the table stays small; else every session has its turn.
  count = size > 5000 and 50 or math.max(2000, sessions)
  for i = 1, count do
    local session = string.format("%032x", (i * 7919) % sessions)
    -- A few tools are called often, most seldom.
    local tool = string.format("tool_%d", math.floor(30 * math.random() ^ 3))
    local head = string.format('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"%s","arguments":{"account":%d,"query":"',
                               tool, math.random(1, 1000000))
    if kind == "api" then
      head = string.format('{"request":1,"operation":"accounts/search","input":{"name":"%s","filter":{"account":%d,"query":"',
                           tool, math.random(1, 1000000))
    end
    local tail = '","limit":10}}}'
    local fill = string.rep("lorem ipsum dolor ", math.ceil(size / 18)):sub(1, math.max(0, size - #head - #tail))
    local headers = {["Content-Type"] = "application/json", ["User-Agent"] = "bench/1"}
    if kind == "api" then
      headers["Accept"] = "application/json"
    else
      headers["Accept"] = "application/json, text/event-stream"
      headers["Mcp-Session-Id"] = session
      headers["MCP-Protocol-Version"] = "2025-11-25"
    end
    requests[i] = wrk.format("POST", path, headers, head .. fill .. tail)
  end
end

function request()
  turn = turn % count + 1
  return requests[turn]
end

if pause > 0 then
  function delay()
    return math.random(0, 2 * pause)
  end
end
