"""One worker process as the node sees it: start, ask, end."""

from __future__ import annotations

import asyncio
import mmap
import os
import sys
from collections.abc import Sequence

from processing_py.node.frames import FrameReader, frame
from processing_py.node.messages import Reply, decode_reply, job
from processing_py.node.worker import PROGRESS_BYTES

READ_BYTES = 1 << 18
END_SECONDS = 2.0


class WorkerEnded(Exception):
    """The process ended, or said nothing for too long."""


class WorkerProcess:
    """A running worker. One question at a time."""

    def __init__(self, process: asyncio.subprocess.Process, progress: mmap.mmap) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._input = process.stdin
        self._output = process.stdout
        self._progress = progress
        self._reader = FrameReader()

    @classmethod
    async def start(cls, command: Sequence[str], arguments: Sequence[str]) -> WorkerProcess:
        """Start ``command`` in a session of its own, so that Ctrl-C reaches the node alone."""
        descriptor = os.memfd_create("progress", 0)
        try:
            os.ftruncate(descriptor, PROGRESS_BYTES)
            process = await asyncio.create_subprocess_exec(
                *command,
                "--parent",
                str(os.getpid()),
                "--progress",
                str(descriptor),
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                pass_fds=(descriptor,),
                start_new_session=True,
            )
            return cls(process, mmap.mmap(descriptor, PROGRESS_BYTES))
        finally:
            os.close(descriptor)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def position(self) -> int:
        """Position of the exchange that the worker touched last."""
        return int.from_bytes(self._progress[:PROGRESS_BYTES], sys.byteorder)

    async def ready(self, seconds: float) -> None:
        """Wait until the worker has its engine. Raises WorkerEnded."""
        await self._reply(seconds)

    async def ask(self, batch: bytes, skip: list[int], seconds: float) -> Reply:
        """The worker's reply to a batch. Raises WorkerEnded when it ends or takes longer than ``seconds``."""
        if self._input.is_closing():
            raise WorkerEnded
        try:
            self._input.write(frame(*job(batch, skip)))
            await self._input.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise WorkerEnded from error
        return await self._reply(seconds)

    async def ended(self) -> None:
        """Wait until the process has ended, for whatever reason."""
        await self._process.wait()

    async def _reply(self, seconds: float) -> Reply:
        try:
            async with asyncio.timeout(seconds):
                while data := await self._output.read(READ_BYTES):
                    for payload in self._reader.feed(data):
                        return decode_reply(payload)
        except TimeoutError as error:
            raise WorkerEnded from error
        raise WorkerEnded

    async def end(self, *, gently: bool) -> int:
        """End the process: by the end of its input when ``gently``, else at once. Returns its return code."""
        if self._process.returncode is None:
            if gently:
                self._input.close()
                try:
                    await asyncio.wait_for(self._process.wait(), END_SECONDS)
                except TimeoutError:
                    gently = False
            if not gently and self._process.returncode is None:
                self._process.kill()
        code = await self._process.wait()
        self._input.close()
        self._progress.close()
        return code
