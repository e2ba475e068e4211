"""How many nodes one node sends to at a time. Changes with the model of a fleet; docs/benchmarks.md checks it.

With pieces of one size, an uplink that sends one of them in ``t``, and nodes that pass pieces on as they come:

- one after the other, the last of ``nodes`` has all ``pieces`` after ``(pieces + nodes) * t``;
- two children each, after ``2 * (pieces + log2(nodes)) * t``, as every uplink carries everything twice.

So a chain is faster until there are more nodes than pieces.
"""

from __future__ import annotations

import math


def fan_out(pieces: int, nodes: int) -> int:
    """Nodes that one node sends to at a time: 1 or 2.

    Args:
        pieces: that each node lacks.
        nodes: that lack them.
    """
    return 1 if steps(pieces, nodes, 1) <= steps(pieces, nodes, 2) else 2


def steps(pieces: int, nodes: int, children: int) -> float:
    """Pieces that an uplink sends until the last node has all: the time in units of one piece.

    Args:
        pieces: that each node lacks.
        nodes: that lack them.
        children: nodes that one node sends to at a time.
    """
    if nodes < 1:
        return 0.0
    depth = nodes if children == 1 else math.ceil(math.log(nodes * (children - 1) + 1, children))
    return float(children * (pieces + depth - 1))
