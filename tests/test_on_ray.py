"""Ray: a real cluster of several nodes gives the same table and the same bits, also when a node dies in the middle."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import MAIN, Look, bits, fairtrial, tiny
from fairtrial.api import make, scores_csv
from fairtrial.spec.errors import FairtrialError, UsageError
from fairtrial.spec.events import Ended
from fairtrial.spec.recipe import Recipe
from fairtrial.store import FolderStore
from fairtrial.study.on_ray import Needs, needs
from fairtrial.study.plan import Study, make_study
from fairtrial.verdicts import Comparison
from ray_nodes import Nodes

pytestmark = pytest.mark.xdist_group("on_ray")  # what the module sets up is set up once

RULES = {"optimizer": ["sgd", "adam"]}
WORDS = ["compare", "small-mlp", "engine=numpy", "optimizer=adam,sgd", "--seeds", "1", "--executor", "ray", "--json"]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture(scope="module")
def client_port() -> int:
    """Where the head listens for those that are no nodes themselves."""
    return free_port()


@pytest.fixture(scope="module")
def cluster(own_cache: None, client_port: int) -> Iterator[Nodes]:
    """Two nodes of one CPU each."""
    with Nodes(num_cpus=1, ray_client_server_port=client_port) as nodes:
        nodes.add(num_cpus=1)
        yield nodes


def study_of_workers(**fields: Any) -> Study:
    """Runs long enough to be killed in the middle, saved at every tenth step."""
    model = "conv 6, norm, act, pool, flatten, linear 16, act, dropout, linear classes"
    return make_study("s", tiny(model=model, batch=32, epochs=30, save_every=10, **fields), RULES, 3)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, FolderStore]:
    """The study of workers, made in one process."""
    store = FolderStore(tmp_path_factory.mktemp("serial"))
    return make(study_of_workers(), store, executor="serial"), store


def assert_same(got: Comparison, store: FolderStore, expected: tuple[Comparison, FolderStore]) -> None:
    """The same table, and the same runs, each once and to the bit."""
    assert scores_csv(got) == scores_csv(expected[0])
    assert got.pairs == expected[0].pairs
    assert sorted(store.list()) == sorted(expected[1].list())
    for name in store.list():
        assert bits(store, name) == bits(expected[1], name)


class Owners(threading.Thread):
    """Sees which processes hold runs of a store, and may do something to them or to where they run."""

    def __init__(self, folder: Path, act: Callable[[Owners], object] = lambda owners: None) -> None:
        super().__init__(daemon=True)
        self.folder, self.act = folder, act
        self.seen: set[int] = set()
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.002):
            self.seen |= self.now().keys()
            if self.act(self):
                return

    def now(self) -> dict[int, Path]:
        """The runs under way by the process that makes them."""
        found: dict[int, Path] = {}
        for owner in self.folder.glob("*/owner"):
            try:
                words = owner.read_text("utf8").split()
            except FileNotFoundError:
                continue
            if len(words) > 1:
                found[int(words[1])] = owner.parent
        return found

    def saved(self) -> list[Path]:
        """The runs under way that have saved something."""
        return [run for run in self.now().values() if any(run.glob("state-*"))]

    def __enter__(self) -> Owners:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join()


def test_the_table_and_the_bits_are_those_of_one_process_and_actors_are_reused(
    cluster: Nodes, expected: tuple[Comparison, FolderStore], tmp_path: Path
) -> None:
    store = FolderStore(tmp_path)
    with Owners(tmp_path) as owners:
        got = make(study_of_workers(), store, executor="ray", address=cluster.address)
    assert_same(got, store, expected)
    assert len(owners.seen) == 2  # one on each node, for six runs
    assert os.getpid() not in owners.seen
    assert not list(tmp_path.glob(".seen-*"))


@pytest.mark.row("P7")
def test_a_node_is_killed_in_the_middle_and_nothing_changes(
    cluster: Nodes, expected: tuple[Comparison, FolderStore], tmp_path: Path
) -> None:
    doomed = cluster.add(num_cpus=1)

    def kill(owners: Owners) -> bool:
        if len(owners.saved()) < 3:  # one on each node
            return False
        cluster.kill(doomed)
        return True

    store, look = FolderStore(tmp_path), Look()
    with Owners(tmp_path, kill):
        got = make(study_of_workers(), store, executor="ray", address=cluster.address, watch=look)
    assert_same(got, store, expected)
    assert ["another one goes on" in said for said in look.said] == [True], look.said


@pytest.mark.row("P7")
def test_actors_that_are_killed_again_and_again_end_the_study_and_it_goes_on_elsewhere(
    cluster: Nodes, expected: tuple[Comparison, FolderStore], tmp_path: Path
) -> None:
    def kill(owners: Owners) -> bool:
        for pid in owners.now():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return False

    store, look = FolderStore(tmp_path), Look()
    with (
        Owners(tmp_path, kill),
        pytest.raises(FairtrialError, match="3 actors on the Ray cluster died in the same run"),
    ):
        make(study_of_workers(), store, executor="ray", address=cluster.address, watch=look)
    assert_same(make(study_of_workers(), store, executor="serial"), store, expected)


def test_runs_get_what_they_ask_for_and_others_wait_for_their_turn(cluster: Nodes, tmp_path: Path) -> None:
    large = cluster.add(num_cpus=2)
    study = make_study("threads", tiny(), {"threads": [1, 2]}, 3)
    got = make(study, FolderStore(tmp_path), executor="ray", address=cluster.address)
    cluster.kill(large)
    assert [len(arm.values) for arm in got.arms] == [3, 3]


def test_what_a_run_needs() -> None:
    assert needs(Recipe(threads=3), gpus=False) == Needs(3, 0)
    assert needs(Recipe(), gpus=True) == needs(Recipe(device="cuda"), gpus=False) == Needs(1, 1)
    assert needs(Recipe(device="cpu"), gpus=True) == needs(Recipe(engine="numpy"), gpus=True) == Needs(1, 0)
    node = {"Alive": True, "Resources": {"CPU": 2.0, "GPU": 1.0}}
    assert Needs(2, 1).fits(node)
    assert not Needs(3, 0).fits(node)
    assert not Needs(1, 2).fits(node)
    assert not Needs(1, 0).fits({**node, "Alive": False})


def test_more_than_any_machine_has_is_refused(cluster: Nodes, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a run needs 64 CPUs and 0 GPUs, and no machine"):
        make(
            make_study("s", tiny(threads=64), RULES, 1), FolderStore(tmp_path), executor="ray", address=cluster.address
        )
    assert FolderStore(tmp_path).list() == []


def test_a_machine_that_does_not_see_the_store_is_refused(cluster: Nodes, tmp_path: Path) -> None:
    def hide(owners: Owners) -> bool:
        for marker in tmp_path.glob(".seen-*"):
            marker.unlink()
            return True
        return False

    with Owners(tmp_path, hide), pytest.raises(UsageError, match="does not see the store"):
        make(make_study("s", tiny(), RULES, 1), FolderStore(tmp_path), executor="ray", address=cluster.address)
    assert FolderStore(tmp_path).list() == []


def test_a_machine_with_another_fairtrial_is_refused(cluster: Nodes, tmp_path: Path) -> None:
    other = tmp_path / "packages" / "fairtrial-0.0.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: fairtrial\nVersion: 0.0.9\n")
    node = cluster.add(num_cpus=2, env_vars={"PYTHONPATH": str(other.parent)})
    with pytest.raises(UsageError, match=r"has fairtrial 0\.0\.9, this one has"):
        make(make_study("s", tiny(threads=2), RULES, 1), FolderStore(tmp_path), executor="ray", address=cluster.address)
    cluster.kill(node)


def test_ctrl_c_saves_the_runs_and_another_executor_goes_on(cluster: Nodes, client_port: int, tmp_path: Path) -> None:
    longer = ["batch=16", "epochs=600"]  # a stop takes a second or two to reach an actor
    command = [*MAIN, *WORDS, *longer, "--address", f"ray://127.0.0.1:{client_port}"]
    runs = Owners(tmp_path / "runs")
    for _ in range(3):
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        while not runs.saved() and process.poll() is None:
            time.sleep(0.01)
        if process.poll() != 2:
            break
        process.communicate()  # the cluster was too busy to be joined in time, and that was said
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert json.loads(out)["exit_code"] == 130
    assert "Traceback" not in errors
    store = FolderStore(tmp_path / "runs")
    ends = [store.read(name).events[-1] for name in store.list()]
    assert all(isinstance(end, Ended) for end in ends)
    assert "SIGTERM" in {end.detail for end in ends if isinstance(end, Ended) and end.reason == "interrupted"}
    done = fairtrial(*WORDS, *longer, "--executor", "serial", cwd=tmp_path)  # the last of an option counts
    assert done.returncode == 0, done.stderr
    assert {arm["n"] for arm in json.loads(done.stdout)["arms"]} == {1}


def test_without_an_address_ray_is_started_here_and_ended(tmp_path: Path) -> None:
    done = fairtrial(*WORDS, cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert {arm["n"] for arm in json.loads(done.stdout)["arms"]} == {1}


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_an_address_that_does_not_answer_ends_with_exit_code_2_within_15_seconds(scheme: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection and never says a word
        began = time.monotonic()
        done = fairtrial(*WORDS, "--address", f"{scheme}127.0.0.1:{silent.getsockname()[1]}", cwd=tmp_path)
    assert time.monotonic() - began < 15
    assert done.returncode == 2
    assert "no Ray cluster answers" in json.loads(done.stdout)["error"]


def test_the_wrong_one_of_a_clusters_ports_is_refused(cluster: Nodes, client_port: int, tmp_path: Path) -> None:
    for address in (f"ray://{cluster.address}", f"127.0.0.1:{client_port}"):
        with pytest.raises(UsageError, match="is not the port"):
            make(make_study("s", tiny(), RULES, 1), FolderStore(tmp_path), executor="ray", address=address)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "refused"), ("ray://127.0.0.1:1", "refused"),
        ("nonsense", "an address is"), ("auto", "an address is"), ("host:port", "an address is"),
    ],
)  # fmt: skip
def test_an_address_where_nothing_can_be_is_refused(address: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"(?i){said}"):
        make(make_study("s", tiny(), RULES, 1), FolderStore(tmp_path), executor="ray", address=address)


@pytest.mark.row("U6")
def test_without_ray_the_command_says_how_to_get_it(tmp_path: Path) -> None:
    code = "import sys; sys.modules['ray'] = None\nfrom fairtrial.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *WORDS], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr == 'fairtrial: --executor ray needs Ray: pip install "fairtrial[ray]"\n'


def test_an_address_is_for_ray_alone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--address nonsense is for --executor ray"):
        make(make_study("s", tiny(), RULES, 1), FolderStore(tmp_path), address="nonsense")
