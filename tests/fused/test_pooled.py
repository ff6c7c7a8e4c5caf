"""Convolution, ReLU and max pooling together: equal to the layers one by one, forward and backward."""

import contextlib

import numba
import numpy as np
import pytest

import tinynet as tn
from tests.again import FOUR_THREADS, WITHOUT_COMPILER, run_again
from tinynet import fused, nn
from tinynet.errors import GradientError, InputError
from tinynet.fused import plan, pooled
from tinynet.fused.pooled import PooledConv2D, PooledSeparableConv2D
from tinynet.kernels import threads


def standard(inputs, outputs, kernel=3, window=2, **options):
    return layers(nn.Conv2D(inputs, outputs, kernel, **options), window)


def separable(inputs, outputs, kernel=3, window=2, **options):
    return layers(nn.SeparableConv2D(inputs, outputs, kernel, **options), window)


def layers(convolution, window):
    return [convolution, nn.ReLU(), *([nn.MaxPool2D(window)] if window else [])]


UNEVEN = ((2, 0), (1, 2))
CASES = {  # layers, shape of the images
    "grey": (lambda kind: kind(1, 5), (3, 9, 8, 1)),
    "grey same": (lambda kind: kind(1, 4, padding="same"), (2, 7, 9, 1)),
    "grey uneven": (lambda kind: kind(1, 4, padding=UNEVEN), (2, 6, 7, 1)),
    "grey 2x4, window 3x2": (lambda kind: kind(1, 3, (2, 4), (3, 2), padding=1), (2, 7, 9, 1)),
    "grey narrow": (lambda kind: kind(1, 3, 1, (1, 3)), (1, 4, 3, 1)),
    "one image": (lambda kind: kind(3, 5), (1, 8, 8, 3)),
    "one window": (lambda kind: kind(3, 1), (2, 4, 4, 3)),
    "same": (lambda kind: kind(8, 3, padding="same"), (3, 6, 7, 8)),
    "uneven": (lambda kind: kind(3, 4, padding=UNEVEN), (2, 6, 7, 3)),
    "33 channels, a row and a column left over": (lambda kind: kind(33, 7), (2, 7, 9, 33)),
    "no bias": (lambda kind: kind(3, 4, bias=False), (2, 6, 6, 3)),
    "no bias grey": (lambda kind: kind(1, 4, bias=False), (2, 6, 6, 1)),
    "5x5, window 3": (lambda kind: kind(3, 4, 5, 3, padding=2), (2, 9, 8, 3)),
    "1x2, window 2x1": (lambda kind: kind(3, 4, (1, 2), (2, 1)), (2, 5, 4, 3)),
    "no pooling": (lambda kind: kind(8, 3, window=None), (2, 5, 6, 8)),
    "no pooling grey": (lambda kind: kind(1, 3, window=None, padding="same"), (2, 5, 6, 1)),
    "many images": (lambda kind: kind(3, 4), (37, 6, 4, 3)),
    "many grey images": (lambda kind: kind(1, 4), (37, 6, 4, 1)),
}
KINDS = {"standard": standard, "separable": separable}
ROUNDING = {np.float64: 1e-12, np.float32: 2e-5}  # of the largest number of an array
every_case = pytest.mark.parametrize("case", CASES)
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def one_pattern(monkeypatch):
    monkeypatch.setattr(plan, "PATTERNS", [pooled.match])


def built(kind, case, dtype=np.float64):
    """The network of a case, its parameters away from the values they start with, and images for it."""
    make, shape = CASES[case]
    model = nn.Sequential(*make(KINDS[kind])).astype(dtype)
    rng = np.random.default_rng(3)
    for parameter in model.parameters():
        with parameter._writing() as array:
            array += 0.3 * rng.standard_normal(array.shape).astype(dtype)
    return model, rng.standard_normal(shape).astype(dtype)


def outcome(model, x, together=True):
    """All that a step of training leaves behind: the output and the gradients."""
    model.zero_grad()
    x = tn.Tensor(x, requires_grad=True)
    with contextlib.nullcontext() if together else fused.disabled():
        y = model(x)
    assert (y._creator.name.startswith("Pooled")) == together
    y.backward(np.random.default_rng(5).standard_normal(y.shape).astype(y.dtype))
    found = {name: parameter.grad for name, parameter in model.named_parameters()}
    return {"output": y.numpy(), "images": x.grad, **found}


def assert_close(got, want, tolerance):
    assert got.keys() == want.keys()
    for name in want:
        scale = np.abs(want[name]).max() + 1
        np.testing.assert_allclose(got[name], want[name], rtol=0, atol=tolerance * scale, err_msg=name)


@pytest.mark.parametrize("dtype", ROUNDING)
@every_case
@every_kind
def test_together_equals_one_by_one(kind, case, dtype):
    model, x = built(kind, case, dtype)
    assert_close(outcome(model, x), outcome(model, x, together=False), ROUNDING[dtype])


@pytest.mark.parametrize("numbers", ["_BAND", "_PRODUCT"])
@every_kind
def test_an_image_larger_than_a_band_equals_one_by_one(kind, numbers, monkeypatch):
    """Bands of one row, so that an image needs several, and its gradient comes together from several."""
    fused.pooled_rows.sizes_of.cache_clear()
    monkeypatch.setattr(fused.pooled_rows, numbers, 1)
    for case in ("same", "grey same", "33 channels, a row and a column left over"):
        model, x = built(kind, case)
        assert_close(outcome(model, x), outcome(model, x, together=False), 1e-12)
    fused.pooled_rows.sizes_of.cache_clear()


@pytest.mark.parametrize("case", ["grey same", "same", "5x5, window 3"])
@every_kind
def test_the_gradient_is_the_slope(kind, case):
    model, x = built(kind, case)
    parameters = model.parameters()

    def apply(x, *arrays):
        step = pooled.match(model.layers, 0)[1]
        op = (PooledConv2D if kind == "standard" else PooledSeparableConv2D)(*step._geometry(x.shape[1:]))
        return op(x, *arrays)

    tn.gradcheck(apply, x, *[parameter.numpy() for parameter in parameters])


@pytest.mark.parametrize("window", [2, 3])
@pytest.mark.parametrize("channels", [1, 2])
@every_kind
def test_of_equal_maxima_the_first_gets_the_gradient_and_at_zero_none_does(kind, channels, window):
    """Small whole numbers: many equal ones, many zeros, weights of zero, and every sum is exact."""
    model = nn.Sequential(*KINDS[kind](channels, 9, window=window)).astype(np.float64)
    rng = np.random.default_rng(8)
    for parameter in model.parameters():
        with parameter._writing() as array:
            array[...] = rng.integers(-1, 2, array.shape)
    x = rng.integers(-1, 2, (4, 11, 11, channels)).astype(np.float64)
    got, want = outcome(model, x), outcome(model, x, together=False)
    assert (want["output"] == 0).any()
    assert_close(got, want, 1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("case", ["grey", "grey 2x4, window 3x2", "one image", "5x5, window 3", "no pooling"])
@every_kind
def test_what_is_not_finite_arrives_where_it_does_one_by_one(kind, case, bad):
    model, x = built(kind, case, np.float32)
    x[0, 3, 2, 0] = bad
    with model.parameters()[-2]._writing() as weight:
        weight[..., 0, 1 % weight.shape[-1]] = 0  # infinity times zero is no number
    y = model(x).numpy()
    with fused.disabled():
        want = model(x).numpy()
    assert not np.isfinite(want).all() or bad == -np.inf
    np.testing.assert_allclose(y, want, rtol=1e-4, atol=1e-4)


@every_case
@every_kind
def test_any_number_of_threads_gives_the_same_bits(kind, case):
    model, x = built(kind, case, np.float32)
    found = []
    before = threads.num_threads()
    try:
        for count in [n for n in (1, 2, 4) if n <= numba.config.NUMBA_NUM_THREADS]:
            threads.set_num_threads(count)
            found.append(outcome(model, x))
    finally:
        threads.set_num_threads(before)
    for other in found[1:]:
        assert all(np.array_equal(other[name], found[0][name]) for name in found[0])


@pytest.mark.parametrize("case", ["grey same", "same", "no bias"])
@every_kind
def test_frozen_parameters_get_no_gradient_and_the_others_theirs(kind, case):
    model, x = built(kind, case)
    want = outcome(model, x, together=False)
    names = [name for name, _ in model.named_parameters()]
    for frozen in names:
        for name, parameter in model.named_parameters():
            parameter.requires_grad = name != frozen
        got = outcome(model, x)
        assert got.pop(frozen) is None
        assert_close(got, {name: want[name] for name in got}, 1e-12)


@pytest.mark.parametrize("case", ["grey same", "same"])
@every_kind
def test_with_all_parameters_frozen_images_get_their_gradient(kind, case):
    model, x = built(kind, case)
    want = outcome(model, x, together=False)["images"]
    for parameter in model.parameters():
        parameter.requires_grad = False
    assert_close({"images": outcome(model, x)["images"]}, {"images": want}, 1e-12)


@pytest.mark.parametrize("case", ["grey", "same"])
@every_kind
def test_images_that_need_no_gradient_get_none(kind, case):
    model, x = built(kind, case)
    want = outcome(model, x, together=False)
    model.zero_grad()
    y = model(x)
    y.backward(np.random.default_rng(5).standard_normal(y.shape))
    got = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert_close(got, {name: want[name] for name in got}, 1e-12)


def runs(*layers):
    model = nn.Sequential(*layers)
    return [(run.first, run.last) for run in plan.runs(model, model.layers) if run.together]


def test_the_layers_of_the_reference_networks_run_together():
    assert runs(*tn.models.build("separable-cnn")) == [(0, 3), (3, 6)]
    assert runs(*tn.models.build("compact-cnn")) == [(0, 3), (3, 6), (6, 8)]
    assert runs(*tn.models.build("simple-cnn")) == [(0, 3)]


def test_overlapping_windows_are_left_to_the_pooling_layer():
    assert runs(nn.Conv2D(1, 2, 3), nn.ReLU(), nn.MaxPool2D(3, stride=2)) == [(0, 2)]


class Negative(nn.ReLU):
    def forward(self, x):
        return super().forward(-x)


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Conv2D(3, 4, 3)],
        [nn.Conv2D(3, 4, 3), Negative()],
        [nn.Conv2D(3, 4, 3), nn.ReLU6()],
        [nn.DepthwiseConv2D(3, 3), nn.ReLU()],
        [nn.Conv2D(3, 4, 3, stride=2), nn.ReLU(), nn.MaxPool2D(2)],
        [nn.SeparableConv2D(3, 4, 3, stride=(1, 2)), nn.ReLU(), nn.MaxPool2D(2)],
        [nn.Conv2D(3, 4, 3, padding=3), nn.ReLU(), nn.MaxPool2D(2)],
        [nn.Conv2D(3, 4, 3), nn.ReLU(), nn.MaxPool2D(2, padding=1)],
        [nn.Conv2D(3, 4, 3, padding="same"), nn.ReLU(), nn.MaxPool2D(3, padding="same")],
        [nn.Conv2D(3, 4, 3, padding=16), nn.ReLU(), nn.MaxPool2D(16)],
    ],
)
def test_what_is_not_known_runs_layer_by_layer(layers):
    y = nn.Sequential(*layers)(np.ones((2, 8, 7, 3), np.float32))
    assert not y._creator.name.startswith("Pooled")


def test_an_exchanged_part_of_a_separable_convolution_is_noticed():
    model, x = built("separable", "same")
    outcome(model, x)
    part = model[0].depthwise
    part.forward = lambda images: type(part).forward(part, images) * 2
    y = model(x)
    with fused.disabled():
        np.testing.assert_array_equal(y.numpy(), model(x).numpy())
    assert not y._creator.name.startswith("Pooled")


def test_options_are_read_when_the_layers_run():
    model, x = built("standard", "same")
    outcome(model, x)
    model[0].padding, model[2].size, model[2].stride = "valid", (3, 3), (3, 3)
    assert_close(outcome(model, x), outcome(model, x, together=False), 1e-12)
    model[2].stride = (1, 1)
    assert not model(x)._creator.name.startswith("Pooled")


@pytest.mark.parametrize(
    "images",
    [
        np.ones((2, 6, 6, 5), np.float32),
        np.ones((0, 6, 6, 3), np.float32),
        np.ones((6, 6, 3), np.float32),
        np.ones((2, 2, 6, 3), np.float32),
        np.ones((2, 3, 6, 3), np.float32),
        np.ones((2, 6, 6, 3), np.float64),
        "cat",
    ],
    ids=str,
)
@every_kind
def test_wrong_images_meet_the_layers_own_sentence(kind, images):
    model = nn.Sequential(*KINDS[kind](3, 4))
    sentences = []
    for context in (contextlib.nullcontext(), fused.disabled()):
        with context:
            try:
                model(images)
                sentences.append("")
            except InputError as error:
                sentences.append(f"{type(error)} {error}")
    assert sentences[0] == sentences[1]


@pytest.mark.parametrize("place", [0, -2, -1])
@pytest.mark.parametrize("case", ["grey", "same"])
@every_kind
def test_what_backward_needs_may_not_change_before_it(kind, case, place):
    model, x = built(kind, case)
    x = tn.Tensor(x, requires_grad=True)
    y = model(x).sum()
    needed = [x, *model.parameters()[:-1]][place]
    needed.data.flat[0] += 1
    with pytest.raises(GradientError, match="changed in place"):
        y.backward()


def test_without_gradients_nothing_is_kept():
    model, x = built("standard", "same")
    with tn.no_grad():
        y = model(x)
    assert not y.requires_grad


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="this is the run that the test starts")
def test_together_equals_one_by_one_without_the_compiler():
    run_again(__file__, WITHOUT_COMPILER, select="one_by_one and float64 and not many and not 33")


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS >= 4, reason="four threads were tested above")
def test_four_threads_give_the_same_bits_also_on_a_small_machine():
    run_again(__file__, FOUR_THREADS, select="same_bits")
