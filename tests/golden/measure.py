"""How much of the tolerances is used: `python -m tests.golden.measure` prints a table, in units of rounding.

It needs no framework: their own distances, float32 from float64, stand in the golden files. MobileNet is kept
in float32, which says nothing of the last digits of float64.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from tinynet.interop import roundings

from . import ours, tolerance
from .cases import CASES
from .files import FRAMEWORKS, Golden
from .numbers import units

Row = tuple[str, float, float, float, float]
"""Kind, ours in float64, ours in float32, the framework's own float32, what is allowed at the worst place."""


def main() -> int:
    """Print one table for each framework."""
    for framework in FRAMEWORKS:
        golden = Golden(framework)
        print(", ".join(f"{name} {version}" for name, version in golden.about["versions"].items()))
        print(f"{'':22}{'float64':>10}{'float32':>10}{'its own':>10}{'used':>8}")
        worst: dict[str, list[float]] = {}
        for kind, *values in [*_layers(golden), *_networks(golden)]:
            row = worst.setdefault(kind, [0.0] * 4)
            worst[kind] = [max(pair) for pair in zip(row, values, strict=True)]
        for kind, (double, single, own, used) in worst.items():
            print(f"{kind:22}{double:10.1f}{single:10.1f}{own:10.1f}{used:8.0%}")
        print()
    return 0


def _layers(golden: Golden) -> Iterator[Row]:
    for case in CASES:
        if golden.framework not in case.by or golden.framework in case.differs:
            continue
        expected = golden.of(case.name)
        kept = expected["output"] != 0 if case.kind == "dropout" else None
        results = [(dtype, ours.run(case, dtype, kept)) for dtype in (np.float64, np.float32)]
        for name, limit in tolerance.allowed(case, expected).items():
            if tolerance.compared(golden.framework, name):
                double, single = (units(arrays[name], expected[name], dtype) for dtype, arrays in results)
                own = golden.about["float32"].get(f"{case.name} | {name}", 0.0)
                yield case.kind, double, single, own, max(double, single) / limit if limit else 0.0


def _networks(golden: Golden) -> Iterator[Row]:
    for mode in ("training", "evaluation"):
        expected = golden.of(f"mobilenet: {mode}")
        actual = ours.run_mobilenet(mode == "training", np.float32)
        for name in expected:
            if tolerance.compared(golden.framework, name):
                own = golden.about["float32"][f"mobilenet: {mode} | {name}"]
                single = units(actual[name], expected[name], np.float32)
                limit = roundings.through_a_network(own) + tolerance.of_storing(np.float32)
                yield f"mobilenet, {mode}", 0.0, single, own, single / limit


if __name__ == "__main__":
    sys.exit(main())
