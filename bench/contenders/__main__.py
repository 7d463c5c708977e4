"""fairtrial's training loop and everybody else's on one thread, in turn, each in a process of its own.

    FAIRTRIAL_DATA=DIR python bench/contenders [--images 6400] [--repeats 5] [--nets A E] [--only NAMES]
        [--json FILE] [--chart FILE.svg]

*steps* are the training steps alone; *epoch* adds the scores of the training and validation part in eval mode, and for
fairtrial also the events, the best weights and the checkpoint on disk. Each figure is a median with the lowest and
highest of the rounds; ratios are taken round by round. *warm-up* is the time from the start of the process to the end
of its first epoch. The libraries of the others: pip install -r bench/contenders/requirements.txt
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).parents[1])  # `contenders` and `loop`

from contenders.field import FIELD, HERE, OURS, machine, race, versions  # noqa: E402
from contenders.report import chart, goal_table, machine_lines, net_table  # noqa: E402
from fairtrial.report.charts import svg  # noqa: E402
from loop import NETS  # noqa: E402

WHOLE = 128  # the largest batch: with multiples of it no batch is cut short, which a jitted epoch cannot have


def main() -> None:
    """Measure, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=6400, help=f"a multiple of {WHOLE}")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--nets", nargs="+", default=list(NETS), choices=list(NETS))
    parser.add_argument("--only", nargs="+", default=list(FIELD), choices=list(FIELD), help=f"beside {OURS}")
    parser.add_argument("--json", type=Path, help="where raw seconds are kept")
    parser.add_argument("--chart", type=Path, help="an SVG file")
    asked = parser.parse_args()
    if asked.images % WHOLE or asked.images < 1 or asked.repeats < 1:
        parser.error(f"--images is a multiple of {WHOLE}, --repeats at least 1")
    if hasattr(os, "sched_setaffinity"):  # XLA has no switch for its number of threads: it takes one a core it may use
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    names = [name for name in FIELD if (name in asked.only or name == OURS) and FIELD[name].is_here]
    for name in (name for name in asked.only if name not in names):
        print(f"{name} is left out, not installed: pip install -r {os.path.relpath(HERE)}/requirements.txt", flush=True)
    told: dict[str, Any] = {"machine": machine(), "versions": versions()}
    told |= {"images": asked.images, "repeats": asked.repeats, "nets": {}}
    print(machine_lines(told), flush=True)
    for net in asked.nets:
        told["nets"][net] = race(net, asked.images, asked.repeats, names)
        print(net_table(net, told), flush=True)
        if asked.json:
            asked.json.write_text(json.dumps(told, indent=1) + "\n", "utf8")
    print(goal_table(told))
    if asked.chart:
        asked.chart.write_text(svg(chart(told)), "utf8")


if __name__ == "__main__":
    main()
