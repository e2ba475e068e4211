"""One download for a whole cluster: what one node has fetched moves from node to node, on Ray.

``run`` is its face. The nodes' own work, with the real cache, Hub and worker, is a ``Host`` that it is given.
"""

from prewarm.fleet.agreed import AgreedWindows
from prewarm.fleet.baggage import Baggage, Wanted
from prewarm.fleet.host import Host, Piece
from prewarm.fleet.run import run

__all__ = ["AgreedWindows", "Baggage", "Host", "Piece", "Wanted", "run"]
