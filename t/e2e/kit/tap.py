"""A TCP relay that keeps what passed: the truth that records are compared with."""

import selectors
import socket
import threading
from dataclasses import dataclass, field

from .wire import Exchange, exchanges

READ_BYTES = 65536


@dataclass
class Connection:
    """What passed on one connection."""

    c2s: bytearray = field(default_factory=bytearray)
    s2c: bytearray = field(default_factory=bytearray)
    is_closed: bool = False


class Tap:
    """Relays connections to a port of 127.0.0.1, each in two threads, until it is closed."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.connections: list[Connection] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            connection = Connection()
            self.connections.append(connection)
            threading.Thread(target=self._relay, args=(client, connection), daemon=True).start()

    def _relay(self, client: socket.socket, connection: Connection) -> None:
        with client, socket.create_connection(("127.0.0.1", self.target)) as server:
            ways = {client: (server, connection.c2s), server: (client, connection.s2c)}
            with selectors.DefaultSelector() as selector:
                for side in ways:
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    selector.register(side, selectors.EVENT_READ)
                try:
                    while selector.get_map():
                        for key, _ in selector.select():
                            to, kept = ways[key.fileobj]
                            data = key.fileobj.recv(READ_BYTES)
                            if not data:
                                # An end on either side is the end: nginx half-closes nothing.
                                return
                            kept += data
                            to.sendall(data)
                except OSError:
                    return
                finally:
                    connection.is_closed = True

    def exchanges(self) -> list[Exchange]:
        """What passed so far, in the order in which connections were opened."""
        return [found for connection in self.connections for found in exchanges(bytes(connection.c2s), bytes(connection.s2c))]

    def sent(self) -> int:
        """Bytes that the server sent, whether or not they were read."""
        return sum(len(connection.s2c) for connection in self.connections)

    def close(self) -> None:
        self._listener.close()
