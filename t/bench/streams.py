"""Holds many event streams open: `serve PORT` answers every GET with one and keeps it; `hold PORT N`
opens N through nginx, prints `open` when each has had its first event, and ends with its input."""
import asyncio, resource, sys

HEAD = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
EVENT = b'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n'


def raise_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def serve(port):
    async def one(reader, writer):
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HEAD + b"%x\r\n" % len(EVENT) + EVENT + b"\r\n")
            await writer.drain()
            await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
    server = await asyncio.start_server(one, "127.0.0.1", port, backlog=4096)
    async with server:
        await server.serve_forever()


async def hold(port, count):
    async def one(number):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4096)
        writer.write(b"GET /mcp HTTP/1.1\r\nHost: bench.example\r\nAccept: text/event-stream\r\n"
                     b"Mcp-Session-Id: %032x\r\n\r\n" % number)
        await reader.readuntil(b"\n\n")
        return reader, writer
    held = []
    for first in range(0, count, 200):
        held += await asyncio.gather(*(one(n) for n in range(first, min(count, first + 200))))
    print("open", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


raise_limit()
port = int(sys.argv[2])
asyncio.run(serve(port) if sys.argv[1] == "serve" else hold(port, int(sys.argv[3])))
