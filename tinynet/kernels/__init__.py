"""Loops over plain arrays: the arithmetic of every expensive operation, with no `Tensor` in sight.

Each file shows a formula, its definition in plain Python (`conv2d_definition`), and the compiled
version that computes the same thing fast (`conv2d`). The definitions are what the tests compare
with. Images are `(N, H, W, C)`; the letters used everywhere are

    N      images            H  W   height and width of the input     C  input channels
    KH KW  window            OH OW  height and width of the output    O  output channels
    M      depth multiplier

The public functions trust their caller: shapes and types are checked in `tinynet.ops`. They take
float32 or float64, and give back the type they were given. `geometry.py` relates sizes, strides and
padding; `compiling.py` (with `drafts.py`) and `threads.py` (with `cores.py`) say how the loops are
compiled and on how many cores they run; `blas.py` has the matrix products within them, and
`memory.py` the arrays they fill.
"""
