"""Orders and components of directed graphs over integers. Iterative: chains may be long."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    Node = TypeVar("Node", bound=Hashable)


def ordered(
    after: Callable[[Node], Iterable[Node]],
    wanted: Iterable[Node],
    cycle: Callable[[list[Node]], Exception],
) -> list[Node]:
    """Return the wanted nodes and all they come after, each after those.

    If some come after each other, raises what `cycle` makes of one such chain, its first node
    standing at its end again.
    """
    done: dict[Node, None] = {}
    path: dict[Node, None] = {}
    waiting = [(node, False) for node in reversed(tuple(wanted))]
    while waiting:
        node, leaving = waiting.pop()
        if leaving:
            del path[node]
            done[node] = None
        elif node in path:
            chain = list(path)
            raise cycle([*chain[chain.index(node) :], node])
        elif node not in done:
            path[node] = None
            waiting.append((node, True))
            waiting += ((other, False) for other in reversed(tuple(after(node))))
    return list(done)


def reached(after: Sequence[Iterable[int]], starts: Iterable[int]) -> set[int]:
    """Return the starts and all that can be reached from them."""
    found: set[int] = set()
    waiting = list(starts)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += after[node]
    return found


def components(after: Sequence[Sequence[int]]) -> list[int]:
    """Return for each node a number that it shares with all that reach it and are reached by it."""
    count = len(after)
    before: list[list[int]] = [[] for _ in range(count)]
    for node, others in enumerate(after):
        for other in others:
            before[other].append(node)
    number = [-1] * count
    for start in reversed(_finished(after)):
        waiting = [start]
        while waiting:
            node = waiting.pop()
            if number[node] < 0:
                number[node] = start
                waiting += before[node]
    return number


def _finished(after: Sequence[Sequence[int]]) -> list[int]:
    """Return all nodes in the order in which a search in depth leaves them."""
    seen: set[int] = set()
    order: list[int] = []
    for start in range(len(after)):
        waiting = [(start, False)]
        while waiting:
            node, leaving = waiting.pop()
            if leaving:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                waiting.append((node, True))
                waiting += ((other, False) for other in after[node])
    return order


def by_creation(after: Sequence[Sequence[int]]) -> list[int]:
    """Return all nodes, each after those it comes after, and otherwise by their numbers."""
    if all(other < node for node, others in enumerate(after) for other in others):
        return list(range(len(after)))
    open_ = [len(set(others)) for others in after]
    then: list[list[int]] = [[] for _ in after]
    for node, others in enumerate(after):
        for other in set(others):
            then[other].append(node)
    ready = [node for node, count in enumerate(open_) if count == 0]
    order = []
    while ready:
        node = heappop(ready)
        order.append(node)
        for later in then[node]:
            open_[later] -= 1
            if open_[later] == 0:
                heappush(ready, later)
    return order
