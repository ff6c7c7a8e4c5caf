"""The golden numbers of the tests, for lessons: what PyTorch and Keras computed, with or without them.

They are kept in `tests/golden`, which is no part of the package: a lesson that is run as a script would not
find it by itself.
"""

import sys

from _show import ROOT

sys.path.insert(0, str(ROOT))

from tests.golden import measure, tolerance  # noqa: E402
from tests.golden.cases import CASES  # noqa: E402
from tests.golden.files import Golden  # noqa: E402
from tests.golden.numbers import units  # noqa: E402

CASE = {case.name: case for case in CASES}
TORCH, KERAS = Golden("torch"), Golden("keras")

__all__ = ["CASE", "KERAS", "TORCH", "measure", "tolerance", "units"]
