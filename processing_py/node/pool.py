"""The pool of detection processes: bounded, supervised, exact about what it lost.

Goals, in order: a batch is answered only by what was really inspected; a process that ends (crash, kill, stuck) costs
as little as possible; memory is bounded; the event loop never works on a batch.

- At most ``in_flight`` batches are held; above that ``process`` raises ``Full`` and the agent keeps its batch.
- Each slot runs one process, one batch at a time, and starts it again after a jittered exponential pause.
- When a process ends in the middle of a batch, the whole batch is done again: the first end may have been anyone's.
  When it ends a second time at the same exchange, that exchange is left out and counted as lost. After ``ENDS_LIMIT``
  ends the whole batch is counted as lost: no batch can keep the pool busy for ever.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from common_py import logging
from common_py.retry import Backoff
from processing_py.node.messages import Reply, exchanges_in
from processing_py.node.metrics import Metrics
from processing_py.node.process import WorkerEnded, WorkerProcess

ENDS_LIMIT = 6
START_SECONDS = 60.0
RESTARTS = Backoff(first=0.1, limit=10.0)


class Full(Exception):
    """As many batches as the pool may hold are in flight."""


@dataclass(eq=False, slots=True)
class Job:
    """A batch in flight and the history of its ends."""

    batch: bytes
    answer: asyncio.Future[Reply]
    skip: list[int] = field(default_factory=list)
    ends: int = 0
    ended_at: int = -1

    def ended(self, position: int) -> bool:
        """A process ended at ``position``. Whether the batch may be tried again."""
        self.ends += 1
        if position == self.ended_at:
            self.skip.append(position)
        self.ended_at = position
        return self.ends < ENDS_LIMIT


class Pool:
    """``run`` keeps ``processes`` workers alive until cancelled; ``process`` has a batch inspected."""

    def __init__(
        self,
        command: Sequence[str],
        arguments: Sequence[str],
        metrics: Metrics,
        *,
        processes: int,
        in_flight: int,
        seconds: float,
    ) -> None:
        self._command = command
        self._arguments = arguments
        self._metrics = metrics
        self._processes = processes
        self._in_flight = in_flight
        self._seconds = seconds
        self._jobs: asyncio.Queue[Job] = asyncio.Queue()
        self._answers: set[asyncio.Future[Reply]] = set()
        self._up: dict[int, int] = {}
        self._ready = asyncio.Event()
        self._log = logging.get("pool")

    @property
    def limit(self) -> int:
        """Batches that may be in flight."""
        return self._in_flight

    @property
    def full(self) -> bool:
        """Whether ``process`` would raise Full now."""
        return len(self._answers) >= self._in_flight

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that are ready."""
        return list(self._up.values())

    async def wait_ready(self) -> None:
        """Wait until every worker has been ready once."""
        await self._ready.wait()

    async def process(self, batch: bytes) -> Reply:
        """Have a batch inspected. Raises Full when too many are in flight."""
        if self.full:
            raise Full
        job = Job(batch, asyncio.get_running_loop().create_future())
        self._answers.add(job.answer)
        self._metrics.in_flight.set(len(self._answers))
        self._jobs.put_nowait(job)
        try:
            return await job.answer
        finally:
            self._answers.discard(job.answer)
            self._metrics.in_flight.set(len(self._answers))

    async def run(self) -> None:
        """Keep the workers alive; cancel to end them."""
        try:
            async with asyncio.TaskGroup() as slots:
                for number in range(self._processes):
                    slots.create_task(self._slot(number))
        finally:
            for answer in self._answers:
                answer.cancel()

    async def _slot(self, number: int) -> None:
        failures = 0
        while True:
            worked = await self._life(number)
            failures = 0 if worked else failures + 1
            await asyncio.sleep(RESTARTS.delay(failures, random.random()))

    async def _life(self, number: int) -> bool:
        """One process from start to end. Whether it did any work."""
        worker = await WorkerProcess.start(self._command, self._arguments)
        job: Job | None = None
        worked = ended = False
        try:
            await worker.ready(START_SECONDS)
            self._started(number, worker.pid)
            while True:
                job = await self._next(worker)
                reply = await worker.ask(job.batch, job.skip, self._seconds)
                if not job.answer.done():
                    job.answer.set_result(reply)
                job, worked = None, True
        except WorkerEnded:
            ended = True
        finally:
            self._up.pop(number, None)
            position = worker.position
            code = await worker.end(gently=not ended)
        self._metrics.worker_ended(code)
        self._log.warning("worker ended", code=code, position=position, had_batch=job is not None)
        if job is not None:
            self._again(job, position)
        return worked

    async def _next(self, worker: WorkerProcess) -> Job:
        """The next job that somebody still waits for. Raises WorkerEnded when the worker ends while it is idle."""
        while (job := await self._arrival(worker)).answer.done():
            pass
        return job

    async def _arrival(self, worker: WorkerProcess) -> Job:
        if not self._jobs.empty():
            return self._jobs.get_nowait()
        arrival = asyncio.create_task(self._jobs.get())
        ending = asyncio.create_task(worker.ended())
        try:
            await asyncio.wait((arrival, ending), return_when=asyncio.FIRST_COMPLETED)
            if not arrival.done():
                raise WorkerEnded
            return arrival.result()
        finally:
            arrival.cancel()
            ending.cancel()

    def _started(self, number: int, pid: int) -> None:
        self._up[number] = pid
        if len(self._up) == self._processes:
            self._ready.set()

    def _again(self, job: Job, position: int) -> None:
        if job.ended(position):
            self._jobs.put_nowait(job)
        elif not job.answer.done():
            job.answer.set_result(Reply(lost=exchanges_in(job.batch)))
