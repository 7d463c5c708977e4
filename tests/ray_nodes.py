"""A real Ray cluster on this machine, in a process of its own: Ray leaves files open, and our tests forbid that."""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType
from typing import Any


class Nodes:
    """A cluster with a head; further nodes are added and killed by their number."""

    def __init__(self, **head: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, json.dumps(head)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.address: str = self._answer()

    def add(self, **node: Any) -> int:
        """The number of a new node with these arguments of Ray's."""
        return self._ask({"add": node})

    def kill(self, number: int) -> None:
        """End all processes of a node, without a word to them."""
        self._ask({"kill": number})

    def _ask(self, words: dict[str, Any]) -> Any:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith("answer "):  # Ray prints too
                return json.loads(line.removeprefix("answer "))
        raise AssertionError("the cluster's process has ended")

    def __enter__(self) -> Nodes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.communicate(timeout=60)


def main(head: dict[str, Any]) -> None:
    """Do as standard input says; when it closes, shut the cluster down."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"include_dashboard": False, **head})
    nodes: list[Any] = []
    answer(cluster.address)
    for line in sys.stdin:
        match json.loads(line):
            case {"add": dict() as node}:
                nodes.append(cluster.add_node(**node))
                answer(len(nodes) - 1)
            case {"kill": int() as number}:
                cluster.remove_node(nodes[number], allow_graceful=False)
                answer(number)
            case other:
                raise ValueError(other)
    cluster.shutdown()


def answer(value: Any) -> None:
    print("answer", json.dumps(value), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
