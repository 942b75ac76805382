"""A TCP gate between a PostgreSQL client and its server: passes bytes, delays them, cuts at a chosen moment.

It reads the client's protocol messages well enough to find each COMMIT, so that a test can lose exactly one
acknowledgement: the server commits and the client never hears of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import struct
import threading
from collections.abc import Callable, Coroutine
from typing import Any

_CHUNK = 65536


@dataclasses.dataclass
class Rules:
    """What the gate does now. Counters count since the gate opened."""

    refuse: bool = False  # close every new connection at once
    delay: float = 0.0  # seconds before each chunk, both ways
    cut_after_client_bytes: int | None = None
    cut_after_server_bytes: int | None = None
    cut_commit: int | None = None  # the N-th COMMIT from now on, first is 1
    cut_before: bool = True  # before the server sees it, or after the server did it


class Messages:
    """Splits a client's byte stream into protocol messages; `feed` yields the SQL texts that go by."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._started = False

    def feed(self, data: bytes) -> list[str]:
        self._buffer += data
        texts: list[str] = []
        while True:
            head = 0 if not self._started else 1
            if len(self._buffer) < head + 4:
                return texts
            length = struct.unpack_from("!I", self._buffer, head)[0]
            if len(self._buffer) < head + length:
                return texts
            body = bytes(self._buffer[head + 4 : head + length])
            kind = chr(self._buffer[0]) if head else ""
            del self._buffer[: head + length]
            if not head:
                # SSLRequest, GSSENCRequest and CancelRequest come before the startup packet.
                self._started = struct.unpack_from("!I", body)[0] >> 16 == 3
            elif kind == "Q":
                texts.append(body.rstrip(b"\0").decode(errors="replace"))
            elif kind == "P":
                texts.append(body.split(b"\0")[1].decode(errors="replace"))


def is_commit(text: str) -> bool:
    """True when the SQL text ends a transaction by committing it."""
    last = text.strip().rstrip(";").rsplit(";", 1)[-1].strip().upper()
    return last in ("COMMIT", "END", "COMMIT TRANSACTION", "COMMIT WORK", "END TRANSACTION")


class Gate:
    """Listens on a port of its own and forwards to `target`. Every method may be called from any thread."""

    def __init__(self, target: int, *, match: Callable[[str], bool] = is_commit) -> None:
        self.target = target
        self.rules = Rules()
        self.commits = 0
        self.cuts = 0
        self.accepted = 0
        self._match = match
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gate", daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def set(self, **rules: Any) -> None:
        """Replaces the rules; what is not named is off."""
        self.commits = 0
        self.rules = Rules(**rules)

    def cut(self) -> None:
        """Resets every open connection now."""
        self._call(self._cut_all())

    def close(self) -> None:
        async def end() -> None:
            self._server.close()
            await self._cut_all()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        self._call(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _cut_all(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()
        self._open.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._connection(reader, writer)
        finally:
            self._tasks.discard(task)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.rules.refuse:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._open |= ends
        state = _Connection(Messages())
        pumps = [
            asyncio.ensure_future(self._from_client(reader, far_writer, state)),
            asyncio.ensure_future(self._from_server(far_reader, writer, state)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for end in ends:
                end.transport.abort()
            self._open -= ends

    async def _from_client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: _Connection
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await asyncio.sleep(self.rules.delay)
                for text in state.messages.feed(data):
                    if not self._match(text):
                        continue
                    self.commits += 1
                    if self.commits == self.rules.cut_commit:
                        self.cuts += 1
                        if self.rules.cut_before:
                            return
                        state.swallow = True
                limit = self.rules.cut_after_client_bytes
                state.from_client += len(data)
                if limit is not None and state.from_client > limit:
                    self.cuts += 1
                    return
                writer.write(data)
                await writer.drain()

    async def _from_server(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: _Connection
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await asyncio.sleep(self.rules.delay)
                if state.swallow:
                    return  # the server answered: it is done, and the client must not hear of it
                limit = self.rules.cut_after_server_bytes
                state.from_server += len(data)
                if limit is not None and state.from_server > limit:
                    self.cuts += 1
                    return
                writer.write(data)
                await writer.drain()


@dataclasses.dataclass
class _Connection:
    messages: Messages
    from_client: int = 0
    from_server: int = 0
    swallow: bool = False
