"""Where to put the nodes of a directed graph: a small layered layout after Sugiyama, in four steps.

1. Layers: every node one layer below the lowest of its sources (longest path); a source without
   sources of its own moves down to just above the first node that uses it.
2. Edges over several layers get an invisible node in each, so that they are led around the others.
3. Order within the layers: each node to the mean place of its neighbours, downwards and upwards in turn
   (barycentre heuristic; Sugiyama, Tagawa, Toda 1981).
4. Places: each node towards the mean place of its neighbours, as far as the distances allow.

Nothing recurses, and the work grows linearly: graphs of thousands of operations can be drawn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

Node = Hashable
Edge = tuple[Node, Node]

ROUNDS = 8
MOST_BENDS = 20  # a longer edge is drawn straight: bends for all would cost quadratic time
GAP = 26.0
BEND_WIDTH = 8.0


@dataclass
class Layout:
    """The layer and the horizontal centre of every node, and for every edge the places it passes."""

    layer: dict[Node, int]
    x: dict[Node, float]
    bends: dict[Edge, list[tuple[float, int]]]
    width: float


def lay_out(nodes: Sequence[Node], edges: Sequence[Edge], width: dict[Node, float]) -> Layout:
    """Place `nodes`, given in topological order (sources first), joined by distinct `edges`.

    width: of each node, in the unit in which the result is wanted.
    """
    layer = assign_layers(nodes, edges)
    widths = dict(width)
    chains, links = _split_long_edges(edges, layer, widths)
    rows: list[list[Node]] = [[] for _ in range(max(layer.values(), default=0) + 1)]
    for node in widths:
        rows[layer[node]].append(node)
    above, below = _neighbours(links)
    _order(rows, above, below)
    x = _place(rows, above, below, widths)
    leftmost = min(x[node] - widths[node] / 2 for node in widths)
    x = {node: place - leftmost for node, place in x.items()}
    return Layout(
        layer={node: layer[node] for node in nodes},
        x={node: x[node] for node in nodes},
        bends={edge: [(x[bend], layer[bend]) for bend in chain] for edge, chain in chains.items()},
        width=max(x[node] + widths[node] / 2 for node in widths),
    )


def assign_layers(nodes: Sequence[Node], edges: Sequence[Edge]) -> dict[Node, int]:
    """Longest path from the top; nodes without sources directly above the first that uses them."""
    above, below = _neighbours(edges)
    layer: dict[Node, int] = {}
    for node in nodes:
        layer[node] = max((layer[source] + 1 for source in above[node]), default=0)
    for node in nodes:
        if not above[node] and below[node]:
            layer[node] = min(layer[target] for target in below[node]) - 1
    return layer


def _neighbours(edges: Sequence[Edge]) -> tuple[dict[Node, list], dict[Node, list]]:
    above: dict[Node, list] = defaultdict(list)
    below: dict[Node, list] = defaultdict(list)
    for source, target in edges:
        above[target].append(source)
        below[source].append(target)
    return above, below


def _split_long_edges(
    edges: Sequence[Edge], layer: dict[Node, int], width: dict[Node, float]
) -> tuple[dict[Edge, list[Node]], list[Edge]]:
    """The bends of every edge, entered in `layer` and `width`, and the short links between them."""
    chains: dict[Edge, list[Node]] = {}
    links: list[Edge] = []
    for edge in edges:
        source, target = edge
        between = range(layer[source] + 1, layer[target])
        chain: list[Node] = []
        if len(between) <= MOST_BENDS:
            chain = [(edge, level) for level in between]
            for bend, level in zip(chain, between, strict=True):
                layer[bend] = level
                width[bend] = BEND_WIDTH
            stops = [source, *chain, target]
            links += zip(stops, stops[1:], strict=False)
        chains[edge] = chain
    return chains, links


def _order(rows: list[list[Node]], above: dict[Node, list], below: dict[Node, list]) -> None:
    """Sort each row by the mean position of its neighbours in the rows before.

    Positions count from 0 to 1 along a row, so that rows of different lengths compare.
    """
    for _ in range(ROUNDS):
        for sweep, neighbours in ((rows, above), (rows[::-1], below)):
            position: dict[Node, float] = {}
            for row in sweep:
                wanted = {}
                for index, node in enumerate(row):
                    known = [position[other] for other in neighbours[node] if other in position]
                    wanted[node] = _mean(known, index / len(row))
                row.sort(key=wanted.__getitem__)
                position.update((node, index / len(row)) for index, node in enumerate(row))


def _place(
    rows: list[list[Node]],
    above: dict[Node, list],
    below: dict[Node, list],
    width: dict[Node, float],
) -> dict[Node, float]:
    x: dict[Node, float] = {}
    for row in rows:
        x.update(zip(row, _spread([0.0] * len(row), row, width), strict=True))
    for _ in range(ROUNDS):
        for sweep, neighbours in ((rows, above), (rows[::-1], below)):
            for row in sweep:
                wanted = [_mean([x[other] for other in neighbours[node]], x[node]) for node in row]
                x.update(zip(row, _spread(wanted, row, width), strict=True))
    return x


def _spread(wanted: list[float], row: list[Node], width: dict[Node, float]) -> list[float]:
    """Places near the wanted ones, in the row's order, without overlaps.

    Pushing everything to the right keeps the distances, pushing everything to the left does too, and
    so does the mean of both.
    """
    distance = [(width[a] + width[b]) / 2 + GAP for a, b in zip(row, row[1:], strict=False)]
    right, left = list(wanted), list(wanted)
    for index in range(1, len(row)):
        right[index] = max(right[index], right[index - 1] + distance[index - 1])
    for index in range(len(row) - 2, -1, -1):
        left[index] = min(left[index], left[index + 1] - distance[index])
    return [(a + b) / 2 for a, b in zip(left, right, strict=True)]


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
