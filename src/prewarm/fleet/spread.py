"""Who has which blob, who lacks it, and who gets it from whom. Changes with how blobs spread; knows nothing of Ray.

A node takes from one other node at a time, and passes on what it has of a blob while the rest still comes. What nobody
has is fetched from the Hub once, by one node.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from prewarm.fleet.topology import fan_out
from prewarm.fleet.whereabouts import SMALL_BYTES, Node, Take, Whereabouts
from prewarm.records.failure import ErrorKind, Failure
from prewarm.records.fleet import PIECE_MAX_BYTES, Brought, Lacking, Took

_TRIES = 6
"""Other nodes that a blob is asked of in vain, before it is given up."""
FETCHES = 16
"""Fetches of one node at a time."""
_TOGETHER = 32
"""Small blobs of one fetch, at most."""
_FETCHERS = 3
"""Nodes that have reached the Hub before, and try in vain to fetch a blob."""
_OF_THE_NODE: frozenset[ErrorKind] = frozenset({"unreachable", "timeout", "no-space", "internal"})
"""Failures of a fetch that another node may not have."""
_OF_ITS_DISK: frozenset[ErrorKind] = frozenset({"no-space", "internal"})
_GONE = Failure(
    kind="unreachable", message="no node has it any more, and none can fetch it", hint="run it again; or -v says more"
)


__all__ = ["FETCHES", "Spread", "Take"]


class Spread:
    """The state of a fleet's blobs.

    Args:
        piece_bytes: of the objects that move.
    """

    def __init__(self, piece_bytes: int = PIECE_MAX_BYTES) -> None:
        self._piece_bytes = piece_bytes
        self._known = Whereabouts()
        self._refusals: dict[str, dict[str, Failure]] = defaultdict(dict)
        """By key, of nodes and of accounts that tried the Hub."""
        self._asking: list[str] = []
        """Nodes that fetch, while there is something for them."""
        self._has_denied = False

    # --- What happens ----------------------------------------------------------------------------------------------

    def join(self, node_id: str, known: Lacking, account: str = "") -> None:
        """A node is there, and has said what it has; ``account`` is what the Hub knows it by."""
        lacks = known.lacks
        for key in lacks:
            self._refusals.pop(key, None)
        self._known.add(node_id, Node(lacks=dict(lacks), has=set(known.has), begun=dict(known.begun), account=account))
        lacking = [one for one in self._known.nodes.values() if one.lacks]
        most = max((sum(one.lacks.values()) for one in lacking), default=0)
        self._known.slots = fan_out(max(1, most // self._piece_bytes), max(1, len(lacking)))
        self._known.changed(node_id, [*known.has, *lacks])

    def more(self, node_id: str, known: Lacking) -> None:
        """A node has said what it has and lacks beyond what it said before."""
        node = self._known.nodes.get(node_id)
        if node is None:
            return
        for key in known.has - node.has:
            self._known.arrived(node_id, key)
        for key in known.lacks:
            self._refusals.pop(key, None)
        self._known.wants(node_id, known.lacks)
        self._known.changed(node_id, [*known.has, *known.lacks])

    def leave(self, node_id: str) -> None:
        """A node is gone; what takes from it is told otherwise."""
        self._known.remove(node_id)

    def took(self, take: Take, result: Took) -> None:
        """An order has ended."""
        if take.source in self._known.nodes:
            self._known.sends(take.source, -1)
        node = self._known.nodes.get(take.node)
        if node is None:
            return
        node.taking = None
        for key in result.done:
            self._known.arrived(take.node, key)
        if result.failure is not None:
            key = next(one for one in take.keys if one not in result.done)
            self._refused(take.node, key, take.source, result)
        self._known.changed(take.node, take.keys)

    def brought(self, node_id: str, key: str, result: Brought) -> None:
        """A fetch from the Hub has ended."""
        if self._known.fetching.get(key) == node_id:
            del self._known.fetching[key]
        node = self._known.nodes.get(node_id)
        if node is None:
            self._known.look_after(key)
            return
        node.fetching.discard(key)
        if result.failure is None:
            node.has_reached, node.cannot_fetch = True, None
            self._known.arrived(node_id, key)
        else:
            self._denied(node_id, node, key, result.failure)
        self._known.changed(node_id, [key])

    # --- What follows ----------------------------------------------------------------------------------------------

    def takes(self) -> list[Take]:
        """Orders for nodes that take nothing at the moment."""
        found = []
        for node_id in list(self._known.idle):
            node = self._known.nodes[node_id]
            for key, size in node.lacks.items():
                if size <= SMALL_BYTES and self._known.fetching.get(key, node_id) != node_id:
                    # It is there in a moment; behind a large one it would be on one node alone for long.
                    break
                if key not in node.fetching and (source := self._source(node_id, node, key)) is not None:
                    order = Take(node=node_id, keys=self._together(node, key, self._known.nodes[source]), source=source)
                    node.taking = order
                    self._known.sends(source, 1)
                    self._known.changed(node_id, order.keys)
                    found.append(order)
                    break
        return found

    def fetchers(self, count: int) -> list[str]:
        """The nodes that fetch from the Hub: those that do already, then those that lack least of what nobody has."""
        if not self._known.orphans:
            return []
        self._asking = [one for one in self._asking if one in self._known.nodes and any(self._fetchable(one))]
        if len(self._asking) < count:
            able: dict[str, int] = {}
            for key in self._known.orphans:
                for node_id in self._known.lackers[key]:
                    if self._may_fetch(node_id, key):
                        node = self._known.nodes[node_id]
                        able[node_id] = able.get(node_id, 0) + node.lacks[key] - node.begun.get(key, 0)
            self._asking = list(dict.fromkeys([*self._asking, *sorted(able, key=lambda one: able[one])]))[:count]
        return self._asking

    def next_fetch(self, node_id: str) -> tuple[str, ...]:
        """What a node is to fetch now, one after the other: nobody has it, and nobody fetches it. From now on it does.

        A large blob, or some small ones: a call for each of these would take longer than what it is for.
        """
        node = self._known.nodes[node_id]
        found: list[str] = []
        # As many as let all of a node's calls have some.
        together = min(_TOGETHER, 1 + len(self._known.orphans) // FETCHES)
        for key in self._fetchable(node_id):
            is_small = node.lacks[key] <= SMALL_BYTES
            if is_small or not found:
                found.append(key)
            if not is_small or len(found) >= together:
                break
        for key in found:
            self._known.fetching[key] = node_id
            node.fetching.add(key)
        self._known.changed(node_id, found)
        return tuple(found)

    def settle(self) -> None:
        """Give up what nobody has, and nobody can fetch, so that no node waits for it."""
        for key in list(self._known.orphans) if self._has_denied else ():
            lackers = list(self._known.lackers[key])
            if not any(self._may_fetch(node_id, key, at_all=True) for node_id in lackers):
                reasons = list(self._refusals[key].values())
                reasons += [why for one in lackers if (why := self._known.nodes[one].cannot_fetch) is not None]
                # What the Hub says of it is worth more than that a node does not reach it.
                reasons.sort(key=lambda why: why.kind in _OF_THE_NODE)
                self._give_up(key, reasons[0] if reasons else _GONE)

    def is_done(self, node_id: str) -> bool:
        """Whether nothing more comes to a node."""
        return (node := self._known.nodes.get(node_id)) is None or (not node.lacks and node.taking is None)

    def failures(self, node_id: str) -> Mapping[str, Failure]:
        """What a node does not get, and why, by key."""
        node = self._known.nodes.get(node_id)
        return node.failures if node is not None else {}

    # --- How -------------------------------------------------------------------------------------------------------

    def _refused(self, node_id: str, key: str, source: str, result: Took) -> None:
        assert result.failure is not None
        node = self._known.nodes[node_id]
        if not result.is_of_source:
            self._known.fail(node_id, key, result.failure)
            return
        refused = node.refused_by.setdefault(key, [])
        if source in refused and source in self._known.nodes:
            # Once may have been the line, or while it arrived there: twice it is as good as not there.
            self._known.lost(source, key)
        refused.append(source)
        if len(refused) >= _TRIES:
            self._known.fail(node_id, key, result.failure)

    def _denied(self, node_id: str, node: Node, key: str, failure: Failure) -> None:
        """A node does not get it from the Hub."""
        self._has_denied = True
        if failure.kind not in _OF_THE_NODE:
            self._refusals[key][f"account {node.account}"] = failure
        elif failure.kind in _OF_ITS_DISK:
            self._known.fail(node_id, key, failure)
        elif node.has_reached:
            self._refusals[key][node_id] = failure
            if len(self._refusals[key]) >= _FETCHERS:
                self._give_up(key, failure)
        else:
            node.cannot_fetch = failure

    def _fetchable(self, node_id: str) -> Iterator[str]:
        """What a node lacks, nobody has or fetches, and it may ask the Hub for at this moment."""
        node = self._known.nodes[node_id]
        orphans = self._known.orphans if node.cannot_fetch is None else {}
        return (key for key in orphans if key in node.lacks and self._may_fetch(node_id, key))

    def _may_fetch(self, node_id: str, key: str, *, at_all: bool = False) -> bool:
        """Whether a node may ask the Hub for it: at this moment, or at all."""
        node, refusals = self._known.nodes[node_id], self._refusals.get(key, {})
        if node.cannot_fetch is not None or node_id in refusals or f"account {node.account}" in refusals:
            return False
        return at_all or node.taking is None or key not in node.taking.keys

    def _give_up(self, key: str, failure: Failure) -> None:
        for node_id in list(self._known.lackers[key]):
            self._known.fail(node_id, key, failure)

    def _source(self, node_id: str, node: Node, key: str) -> str | None:
        refused = node.refused_by.get(key, ())
        others = None
        for index in (self._known.whole, self._known.partly):
            for one in index[key]:
                if one == node_id or (index is self._known.partly and self._waits_for(one, node_id)):
                    continue
                if one not in refused:
                    return one
                others = others or one
        # Where all have failed before, one of them has to do: it may have been the line.
        return others if not any(one not in refused for one in self._known.holders[key]) else None

    def _waits_for(self, node_id: str, other: str) -> bool:
        """Whether what a node takes comes from another one in the end: each would wait for the other."""
        seen = set()
        while node_id not in seen:
            seen.add(node_id)
            node = self._known.nodes.get(node_id)
            if node is None or node.taking is None:
                return False
            node_id = node.taking.source
            if node_id == other:
                return True
        return True

    def _together(self, node: Node, first: str, source: Node) -> tuple[str, ...]:
        """Small blobs that the same node can give come in one order."""
        keys, total = [first], node.lacks[first]
        for key, size in node.lacks.items():
            gives = key in source.has or source.comes(key)
            if key != first and gives and key not in node.fetching and total + size <= PIECE_MAX_BYTES:
                keys.append(key)
                total += size
        return tuple(keys)
