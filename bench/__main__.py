"""Measures prewarm and what people use in its place, and redraws the figures of the documents.

python -m bench                       everything: an hour and a half
python -m bench cold --peers hf       one scenario, beside one peer
python -m bench --draw                the documents anew, from what was measured

Each scenario writes docs/figures/NAME.json, its plots, and its table into docs/benchmarks.md. All sides are whole
processes, in turns, against a Hub on loopback with a set line and quota. Look at the ratios: timings of one machine at
one time mean little.
"""

from __future__ import annotations

import argparse
import compileall
import tempfile
import time
from pathlib import Path

from bench import document, plots
from bench.peers import PEERS
from bench.scenarios import SCENARIOS, Asked, Skipped, get


def main() -> None:
    """Run what is asked for."""
    listed = "\n".join(f"  {name:12}{said}" for name, said in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog=f"scenarios:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="as below; all by default")
    parser.add_argument("--peers", action="append", metavar="NAME", help=f"of {', '.join(PEERS)}; all by default")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="shows that it runs: the figures mean nothing")
    parser.add_argument("-o", "--out", type=Path, help="a folder for the figures, and no change of any document")
    parser.add_argument("--draw", action="store_true", help="draw the documents anew, and measure nothing")
    given = parser.parse_args()
    for name in given.scenarios:
        if name not in SCENARIOS:
            parser.error(f"there is no scenario {name!r}; there are {', '.join(SCENARIOS)}")
    for name in given.peers or ():
        if name not in PEERS:
            parser.error(f"there is no peer {name!r}; there are {', '.join(PEERS)}")
    if (given.quick or given.peers) and not given.out and not given.draw:
        parser.error("with --quick or --peers name a folder with -o: the documents show all peers, at full size")
    if not given.draw:
        # As pip installs it: where it lies in a checkout, every process would compile it anew.
        compileall.compile_dir(str(document.ROOT / "src" / "prewarm"), quiet=1)
    for name in () if given.draw else given.scenarios or SCENARIOS:
        print(f"{name}: {SCENARIOS[name]}", flush=True)
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as scratch:
            asked = Asked(rounds=given.rounds, peers=given.peers, quick=given.quick, folder=Path(scratch))
            try:
                found = get(name)(asked)
            except Skipped as why:
                print(f"  left out, and its figures stay as they were: {why}", flush=True)
                continue
        path = found.save(given.out or document.FIGURES)
        print(document.table(found), flush=True)
        print(f"  {path}, {time.monotonic() - began:.0f} s", flush=True)
        if given.out:
            for plot in found.plots:
                plots.save(plot, given.out)
    if not given.out:
        document.update()


if __name__ == "__main__":
    main()
