"""Runs on a Ray cluster: actors make them, one at a time each, in a folder that all its machines see.

An actor reads a task and answers with the name of a run, one JSON line each, as a worker process does. Whatever it or
its machine dies of, the task goes to another actor, and the run goes on from its last save.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import logging
import os
import queue
import re
import signal
import socket
import sys
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Collection, Generator, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairtrial.runner import Watch
from fairtrial.spec.errors import Busy, FairtrialError, OutOfResources, UsageError
from fairtrial.spec.recipe import Recipe
from fairtrial.store import FolderStore, Store, disk_errors
from fairtrial.study.execute import DEATHS, GRACE, Executor, Pool, Task, cores, line, names_in
from fairtrial.study.worker import answer_to

try:
    import grpc
    import ray
    from ray.exceptions import OutOfMemoryError, RayActorError, RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ModuleNotFoundError as error:
    raise UsageError('--executor ray needs Ray: pip install "fairtrial[ray]"') from error

ANSWER = 5  # seconds for something to answer at an address
START = 60  # seconds to become part of a cluster that answers, or to start one on this machine
LEASE = 120  # seconds that a network file system may hold the lock of a process whose machine died
PATIENCE = 30  # seconds without an actor, before it is told what is waited for
QUESTIONS = {  # what only the right one of a cluster's ports understands, for machines of the cluster and for others
    "": "/ray.rpc.NodeInfoGcsService/CheckAlive",
    "ray://": "/ray.rpc.RayletDriver/ClusterInfo",
}
OBJECTS = 100 * 2**20  # bytes of shared memory: what is exchanged is a line
CAUSES = {  # by what Ray has to say of them
    "low on memory": "its machine ran low on memory",
    "node has died": "its machine died",
    "temporarily unavailable": "it cannot be reached",
    "End of file": "its process was killed, or crashed",
}
STOPPED = "{}"  # what a worker has to tell of a run that a signal ended
SHARED = ("FAIRTRIAL_DATA", "FAIRTRIAL_CACHE")  # where data are, unless a machine has its own word for it


@dataclass(frozen=True)
class Needs:
    """What an actor holds of its machine."""

    cpus: int
    gpus: int

    def __str__(self) -> str:
        return f"{self.cpus} CPUs and {self.gpus} GPUs"

    def fits(self, node: Mapping[str, Any]) -> bool:
        """Whether the machine has as much, be it busy or not."""
        has = node["Resources"]
        return bool(node["Alive"]) and has.get("CPU", 0) >= self.cpus and has.get("GPU", 0) >= self.gpus


def needs(recipe: Recipe, gpus: bool) -> Needs:
    """A CPU for each thread. `device=auto` is a GPU where the cluster has any, so that all runs have one device."""
    wanted = recipe.device == "cuda" or (recipe.device == "auto" and gpus)
    return Needs(recipe.threads, int(recipe.engine == "torch" and wanted))


def version() -> str:
    """Of fairtrial in this process."""
    return importlib.metadata.version("fairtrial")


class Maker:
    """An actor: a process on a machine of the cluster, which makes one run after the other.

    Ray calls it in the process's main thread, so that SIGTERM ends a run as it does everywhere: saved.
    """

    def __init__(self, store: str, folder: str, variables: dict[str, str]) -> None:
        self.store = FolderStore(store)
        for name, value in variables.items():
            os.environ.setdefault(name, value)
        with contextlib.suppress(OSError):  # a folder of the caller's machine alone: then nothing can be relative to it
            os.chdir(folder)

    def hello(self, marker: str) -> dict[str, Any]:
        """Where the actor is, and whether it can work there."""
        return {
            "node": ray.get_runtime_context().get_node_id(),
            "machine": socket.gethostname(),
            "pid": os.getpid(),
            "version": version(),
            "sees": Path(marker).is_file(),
        }

    def make(self, line: str) -> str:
        """The answer to a task, as a line; STOPPED where a signal ended its run."""
        return json.dumps(answer_to(line, self.store))


def stop(pid: int) -> None:
    """Run on the actor's machine: its run under way is saved."""
    os.kill(pid, signal.SIGTERM)


@dataclass(eq=False)
class Slot:
    """An actor from here: starting as long as its machine is not known, at work as long as it has a task."""

    actor: Any
    needs: Needs
    future: Future[Any]
    node: str = ""
    pid: int = 0
    task: Task | None = None


class Actors:
    """A pool of actors that are started as tasks need them; Ray finds the machine for each."""

    def __init__(self, jobs: int, store: str, marker: str, watch: Watch) -> None:
        self.store, self.marker, self.watch = store, marker, watch
        self.nodes: list[Mapping[str, Any]] = ray.nodes()
        has = ray.cluster_resources()
        self.jobs, self.gpus = jobs or int(has.get("CPU", 1)), "GPU" in has
        self.tasks: deque[Task] = deque()
        self.slots: list[Slot] = []
        self.ended: queue.SimpleQueue[Slot] = queue.SimpleQueue()  # whose future is done: put there by Ray's threads
        self.deaths: Counter[Task | None] = Counter()  # None: of actors that were starting
        self.patience: dict[Task, float] = {}  # until when a run may be held by an actor that died

    def submit(self, task: Task) -> None:
        """Refuses a task that no machine of the cluster has enough for."""
        wanted = self._needs(task)
        if not any(wanted.fits(node) for node in self.nodes):
            raise UsageError(f"a run needs {wanted}, and no machine of the Ray cluster has them")
        self.tasks.append(task)
        self._hand_out()

    def next(self) -> tuple[Task, str]:
        while True:
            outcome = self._after(self._ended())
            self._hand_out()
            if outcome:
                return outcome

    def withdraw(self, tasks: Collection[Task]) -> set[Task]:
        gone = set(self.tasks).intersection(tasks)
        self.tasks = deque(task for task in self.tasks if task not in gone)
        return gone

    def close(self) -> None:
        """Save the runs under way, all at the same time, and end the actors."""
        if not ray.is_initialized():  # the cluster's head died, and Ray would look for another cluster
            return
        working = [slot for slot in self.slots if slot.task]
        for slot in working:
            there = NodeAffinitySchedulingStrategy(slot.node, soft=False)
            errand: Any = ray.remote(stop)
            errand.options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote(slot.pid)
        wait([slot.future for slot in working], GRACE)
        for slot in self.slots:
            ray.kill(slot.actor)

    def _ended(self) -> Slot:
        """The next actor that has something to say."""
        try:
            return self.ended.get(timeout=None if any(slot.node for slot in self.slots) else PATIENCE)
        except queue.Empty:
            wanted = " or ".join(sorted({str(slot.needs) for slot in self.slots}))
            self.watch.say(f"waiting for the Ray cluster: a run needs {wanted}, and they are in use")
        return self.ended.get()

    def _after(self, slot: Slot) -> tuple[Task, str] | None:
        """What has come of the actor's work, if that is a run."""
        task = slot.task
        try:
            answer = slot.future.result()
        except (RayActorError, OutOfMemoryError) as error:
            return self._replace(slot, _reason(error))
        except (RayError, ConnectionError) as error:
            raise FairtrialError(f"Ray: {_reason(error)}") from error
        if task is None:
            return self._welcome(slot, answer)
        if answer == STOPPED:
            return self._replace(slot, "stopped by a signal")
        slot.task = None
        return self._named(task, answer)

    def _needs(self, task: Task) -> Needs:
        return needs(task.recipe, self.gpus)

    def _hand_out(self) -> None:
        """Give tasks to actors that are free, end those for which there are none, start those that are missing."""
        for slot in [slot for slot in self.slots if slot.node and not slot.task]:
            task = next((task for task in self.tasks if self._needs(task) == slot.needs), None)
            if task:
                self.tasks.remove(task)
                slot.task = task
                self._listen(slot, slot.actor.make.remote(line([task])))
            elif self.tasks:  # what it holds is needed by others
                self._end(slot)
        missing = Counter(self._needs(task) for task in self.tasks)
        missing.subtract(slot.needs for slot in self.slots if not slot.node)
        for wanted in missing.elements():
            if len(self.slots) < self.jobs:
                self._start(wanted)

    def _start(self, wanted: Needs) -> None:
        variables = {name: os.environ[name] for name in SHARED if name in os.environ}
        maker: Any = ray.remote(Maker)
        held = maker.options(num_cpus=wanted.cpus, num_gpus=wanted.gpus)
        actor = held.remote(self.store, str(Path.cwd()), variables)
        slot = Slot(actor, wanted, Future())
        self.slots.append(slot)
        self._listen(slot, actor.hello.remote(self.marker))

    def _listen(self, slot: Slot, answer: Any) -> None:
        slot.future = answer.future()
        slot.future.add_done_callback(lambda _: self.ended.put(slot))

    def _welcome(self, slot: Slot, facts: Mapping[str, Any]) -> None:
        """Take in an actor that has started; UsageError if it cannot work where it is."""
        if facts["version"] != version():
            raise UsageError(f"machine {facts['machine']} has fairtrial {facts['version']}, this one has {version()}")
        if not facts["sees"]:
            raise UsageError(
                f"machine {facts['machine']} does not see the store {self.store}; --store must name a folder that all "
                "machines of the cluster share under the same path"
            )
        slot.node, slot.pid = facts["node"], facts["pid"]
        self.deaths[None] = 0

    def _replace(self, slot: Slot, why: str) -> None:
        """Let go of an actor that died; its task goes first to the next one. An error where that happened too often."""
        task = slot.task
        self._end(slot)
        if "No module named" in why:
            raise UsageError(f"a machine of the Ray cluster cannot import fairtrial {version()}: {why}")
        self.deaths[task] += 1
        if self.deaths[task] == (DEATHS if task else DEATHS * self.jobs):  # many start on a machine that may die
            where = "in the same run" if task else "before they were of use"
            kind = OutOfResources if "memory" in why else FairtrialError
            raise kind(f"{self.deaths[task]} actors on the Ray cluster died {where}: {why}")
        if task:
            self.tasks.appendleft(task)
            self.patience[task] = time.monotonic() + LEASE
            self.watch.say(f"an actor died ({why}); another one goes on with its run")

    def _end(self, slot: Slot) -> None:
        self.slots.remove(slot)
        ray.kill(slot.actor)

    def _named(self, task: Task, answer: str) -> tuple[Task, str] | None:
        """The task with the name of its run; a run that a dead actor still holds is asked for again."""
        try:
            return task, names_in(answer)[0]
        except FairtrialError as error:
            if error.exit_code != Busy.exit_code or time.monotonic() > self.patience.get(task, 0):
                raise
        self.tasks.append(task)  # last: others need not wait for it
        return None


def _reason(error: BaseException) -> str:
    """Ray's long text in short: a cause that is known, else its last line."""
    text = str(error)
    return next((words for piece, words in CAUSES.items() if piece in text), text.strip().splitlines()[-1])


def ray_executor(jobs: int, address: str) -> Executor:
    """Runs by `jobs` actors at most on the cluster at the address; 0: by as many as it has CPUs for.

    Without an address, and without one in `RAY_ADDRESS`, on a cluster of this machine alone, for as long as it takes.
    """
    if jobs < 0:
        raise UsageError(f"jobs={jobs}: at least one, or 0 for as many as there are CPUs")

    @contextlib.contextmanager
    def execute(store: Store, watch: Watch) -> Generator[Pool]:
        folder = Path(store.path).resolve()
        with (
            cluster(address or os.environ.get("RAY_ADDRESS", "")),
            marked(folder) as marker,
            contextlib.closing(Actors(jobs, str(folder), marker, watch)) as actors,
        ):
            yield actors

    return execute


@contextlib.contextmanager
def marked(folder: Path) -> Generator[str]:
    """A file in the folder while this lasts: who sees it sees the folder, and not another one of that name."""
    marker = folder / f".seen-{uuid.uuid4().hex}"
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        marker.touch()
    try:
        yield str(marker)
    finally:
        marker.unlink(missing_ok=True)


@contextlib.contextmanager
def cluster(address: str) -> Generator[None]:
    """Be part of the cluster while this lasts; one that was started here ends with it."""
    if ray.is_initialized():  # by the script or the notebook that this is called from
        yield
        return
    over = threading.Event()
    with contextlib.redirect_stdout(sys.stderr):  # Ray prints there what it has to say of machines that died
        join(address, over)
        try:
            yield
        finally:
            ray.shutdown()
            over.set()


def join(address: str, over: threading.Event) -> None:
    """Join the cluster at the address, or start one here; UsageError if it does not answer.

    Ray itself waits for minutes, and cannot be interrupted: so it is asked in a thread. That stays until all is over,
    because on Linux processes that Ray starts die with the thread that started them.
    """
    outcome: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    def ask() -> None:
        try:
            _init(address)
            outcome.put(None)
            over.wait()
        except Exception as error:
            outcome.put(error)

    if address:
        reach(address)
    threading.Thread(target=ask, daemon=True).start()
    where = f"the Ray cluster at {address}" if address else "a Ray cluster on this machine"
    try:
        error = outcome.get(timeout=START)
    except queue.Empty:
        raise UsageError(f"{where} was not ready within {START} seconds") from None
    if error:
        raise UsageError(f"{where} cannot be used: {' '.join(str(error).split())}") from error


def reach(address: str) -> None:
    """UsageError, soon, if no Ray cluster answers at the address.

    Not for Ray's own word `auto`: where it finds a cluster, it may turn on a check of tokens that the cluster lacks.
    """
    scheme = "ray://" if address.startswith("ray://") else ""
    place = address.removeprefix(scheme)
    if not re.fullmatch(r"\S+:\d+", place):
        raise UsageError(f"--address {address}: an address is HOST:PORT or ray://HOST:PORT")
    if os.environ.get("RAY_USE_TLS", "0") != "0":
        return  # it would have to be asked in secret
    try:
        with grpc.insecure_channel(place, [("grpc.enable_http_proxy", 0)]) as channel:
            channel.unary_unary(QUESTIONS[scheme])(b"", timeout=ANSWER)
    except grpc.RpcError as error:
        _judge(address, error)


def _judge(address: str, error: Any) -> None:
    """UsageError, unless whoever answered understood the question; what else it did not like, it says when joined."""
    match error.code():
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.DEADLINE_EXCEEDED:
            raise UsageError(f"no Ray cluster answers at {address}: {error.details()}") from error
        case grpc.StatusCode.UNIMPLEMENTED:
            raise UsageError(
                f"what answers at {address} is not the port of Ray's for this: on a machine of the cluster it is "
                "HOST:PORT, mostly 6379, on others ray://HOST:PORT, mostly 10001"
            ) from error
        case _:
            return


def _init(address: str) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address:
        ray.init(address, **quiet)
    else:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        own = {"num_cpus": cores(), "include_dashboard": False, "object_store_memory": OBJECTS}
        ray.init("local", **own, **quiet)
