"""Drawing the recorded graph of a calculation: what autograd will walk back through, as DOT or SVG text.

Operations are boxes with the shape of their result, the tensors they start from are rounded. The SVG is
made here (`layout.py` finds the places) so that a notebook can show it without Graphviz.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from ..errors import GradientError, InputError
from ..tensor import Op, Tensor
from . import style
from .layout import Layout, lay_out

if TYPE_CHECKING:
    from ..nn import Module

ROW, BOX, MARGIN = 70, 38, 16  # pixels: from layer to layer, height of a box, border
CHARACTER = 7.4  # pixels of a letter at 12 pixels, on the generous side
FILL = {"operation": "#ffffff", "trained": "#d6e9f5", "given": "#ededed"}
EDGE = {"operation": style.INK, "trained": style.BLUE, "given": style.GREY}
KEY = {"operation": "operation", "trained": "gets a gradient", "given": "gets none"}


@dataclass(frozen=True)
class _Node:
    kind: str  # "operation", "trained" or "given"
    label: str
    detail: str


def graph(tensor: Tensor, format: str = "dot", model: Module | None = None) -> str:
    """The graph that `tensor` was computed by, as text: Graphviz "dot" or self-contained "svg".

    model: names the parameters by their path in it ("layers.0.weight"); otherwise a tensor's own
    `name` is used.

    Draw before `backward()`, which frees the graph: GradientError is raised afterwards. Under
    `no_grad` nothing is recorded and the drawing is a single tensor. InputError for another format.
    """
    if not isinstance(tensor, Tensor):
        raise InputError(f"graph expects a Tensor, got {type(tensor).__name__}.")
    if format not in ("dot", "svg"):
        raise InputError(f'format expects "dot" or "svg", got {format!r}.')
    names = {id(part): name for name, part in model.named_parameters()} if model else {}
    nodes, edges = _collect(tensor, names)
    return _dot(nodes, edges) if format == "dot" else _svg(nodes, edges)


def _collect(root: Tensor, names: dict[int, str]) -> tuple[dict[int, _Node], Counter]:
    """The nodes, sources first, and how often each pair of them is joined (x * x joins twice)."""
    nodes: dict[int, _Node] = {}
    edges: Counter = Counter()
    stack = [(root, False)]
    while stack:
        tensor, inputs_done = stack.pop()
        creator = tensor._creator
        key = _key(tensor)
        if key in nodes:
            continue
        if creator is None:
            nodes[key] = _leaf(tensor, names)
        elif inputs_done:
            nodes[key] = _Node("operation", creator.name, _shape(tensor))
            edges.update((_key(source), key) for source in creator.inputs)
        else:
            _require_kept(creator)
            stack.append((tensor, True))
            stack += [(source, False) for source in reversed(creator.inputs)]
    return nodes, edges


def _key(tensor: Tensor) -> int:
    """An operation stands for its result, so that a result used twice is one node."""
    return id(tensor if tensor._creator is None else tensor._creator)


def _require_kept(creator: Op) -> None:
    if creator.released:
        raise GradientError(
            "backward() has been through this graph and has freed it: draw the graph before backward()."
        )


def _leaf(tensor: Tensor, names: dict[int, str]) -> _Node:
    name = names.get(id(tensor)) or tensor.name
    if tensor.requires_grad:
        return _Node("trained", name or "tensor", _shape(tensor))
    if name is None and tensor.size == 1:
        return _Node("given", f"{tensor._array.item():.4g}", "constant")
    return _Node("given", name or "input", _shape(tensor))


def _shape(tensor: Tensor) -> str:
    return " × ".join(map(str, tensor.shape)) or "one number"


# DOT


def _dot(nodes: dict[int, _Node], edges: Counter) -> str:
    number = {key: f"n{index}" for index, key in enumerate(nodes)}
    lines = ["digraph tinynet {", '  node [fontname="Helvetica", fontsize=12, style=filled];']
    for key, node in nodes.items():
        form = "box" if node.kind == "operation" else "ellipse"
        label = f"{_quoted(node.label)}\\n{_quoted(node.detail)}"
        lines.append(
            f'  {number[key]} [label="{label}", shape={form}, fillcolor="{FILL[node.kind]}", '
            f'color="{EDGE[node.kind]}"];'
        )
    for (source, target), count in edges.items():
        note = f' [label="{count} times"]' if count > 1 else ""
        lines.append(f"  {number[source]} -> {number[target]}{note};")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


# SVG


def _svg(nodes: dict[int, _Node], edges: Counter) -> str:
    width: dict[Any, float] = {
        key: CHARACTER * max(len(node.label), len(node.detail)) + 20 for key, node in nodes.items()
    }
    layout = lay_out(list(nodes), list(edges), width)
    kinds = [kind for kind in KEY if any(node.kind == kind for node in nodes.values())]
    key_width = sum(_key_entry_width(kind) for kind in kinds)
    across = max(layout.width, key_width) + 2 * MARGIN
    down = ROW * max(layout.layer.values()) + BOX + 2 * MARGIN + 32
    shift = MARGIN + (across - 2 * MARGIN - layout.width) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across:.0f} {down}" '
        f'width="{across:.0f}" height="{down}" font-family="Helvetica, Arial, sans-serif">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{style.GREY}"/>'
        "</marker></defs>",
        f'<rect width="{across:.0f}" height="{down}" fill="#ffffff"/>',
    ]
    parts += [_svg_edge(edge, count, layout, shift) for edge, count in edges.items()]
    parts += [
        _svg_node(node, shift + layout.x[key], _middle(layout.layer[key]), width[key])
        for key, node in nodes.items()
    ]
    parts += _svg_key(kinds, down - MARGIN)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _middle(layer: int) -> int:
    return MARGIN + ROW * layer + BOX // 2


def _svg_node(node: _Node, x: float, y: float, width: float) -> str:
    corner = 4 if node.kind == "operation" else BOX // 2
    return (
        f'<rect x="{x - width / 2:.1f}" y="{y - BOX / 2:.1f}" width="{width:.1f}" height="{BOX}" '
        f'rx="{corner}" fill="{FILL[node.kind]}" stroke="{EDGE[node.kind]}" stroke-width="1.2"/>'
        f'<text x="{x:.1f}" y="{y - 3:.1f}" text-anchor="middle" font-size="12" '
        f'font-weight="bold" fill="{style.INK}">{escape(node.label)}</text>'
        f'<text x="{x:.1f}" y="{y + 12:.1f}" text-anchor="middle" font-size="11" '
        f'fill="{style.GREY}">{escape(node.detail)}</text>'
    )


def _svg_edge(edge: tuple[int, int], count: int, layout: Layout, shift: float) -> str:
    """A curve that leaves and arrives vertically, through the edge's bends."""
    source, target = edge
    stops = [(layout.x[source], _middle(layout.layer[source]) + BOX / 2)]
    stops += [(x, float(_middle(layer))) for x, layer in layout.bends[edge]]
    stops.append((layout.x[target], _middle(layout.layer[target]) - BOX / 2))
    x, y = stops[0]
    path = f"M{x + shift:.1f} {y:.1f}"
    for to_x, to_y in stops[1:]:
        half = (y + to_y) / 2
        path += f" C{x + shift:.1f} {half:.1f} {to_x + shift:.1f} {half:.1f} "
        path += f"{to_x + shift:.1f} {to_y:.1f}"
        x, y = to_x, to_y
    curve = f'<path d="{path}" fill="none" stroke="{style.GREY}" stroke-width="1.2" marker-end="url(#tip)"/>'
    if count > 1:
        left = layout.x[source] > x  # the note goes to the side from which the curve does not come
        curve += (
            f'<text x="{x + shift + (-8 if left else 8):.1f}" y="{y - 8:.1f}" font-size="11" '
            f'text-anchor="{"end" if left else "start"}" fill="{style.GREY}">{count} times</text>'
        )
    return curve


def _key_entry_width(kind: str) -> float:
    return 34 + CHARACTER * len(KEY[kind])


def _svg_key(kinds: list[str], y: float) -> list[str]:
    """What the colours mean, in one line at the bottom."""
    parts, x = [], float(MARGIN)
    for kind in kinds:
        parts.append(
            f'<rect x="{x:.1f}" y="{y - 10:.1f}" width="14" height="10" rx="2" '
            f'fill="{FILL[kind]}" stroke="{EDGE[kind]}"/>'
            f'<text x="{x + 20:.1f}" y="{y - 1:.1f}" font-size="11" '
            f'fill="{style.GREY}">{escape(KEY[kind])}</text>'
        )
        x += _key_entry_width(kind)
    return parts
