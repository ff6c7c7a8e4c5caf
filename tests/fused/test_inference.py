"""A network without gradients runs as one program, with the results of its layers and never old ones."""

from __future__ import annotations

import copy
import pickle
import threading

import numba
import numpy as np
import pytest

import tinynet as tn
from tests.again import FOUR_THREADS, WITHOUT_COMPILER, run_again
from tests.fused.networks import NETWORKS, images, network
from tinynet import fused, nn
from tinynet.errors import DTypeError, InputError
from tinynet.fused import inference, plan
from tinynet.kernels import threads
from tinynet.train.predictions import predict_logits


def layer_by_layer(model, x):
    with tn.no_grad(), fused.disabled():
        return model(x).numpy()


def together(model, x):
    """The result of the program; the test fails where there is none for the whole network."""
    with tn.no_grad():
        (run,) = plan.runs(model, model.layers)
        assert isinstance(run.together, inference.Together)
        assert run.together(x) is not None
        return model(x).numpy()


def programs_run(model, x):
    """How many programs a call takes, and that it gives what the layers give."""
    count = 0

    def counting(*arguments):
        nonlocal count
        count += 1
        return run(*arguments)

    run, inference._run = inference._run, counting
    try:
        with tn.no_grad():
            result = model(x).numpy()
    finally:
        inference._run = run
    agree(result, layer_by_layer(model, x))
    return count


def agree(got, want):
    """Equal but for rounding: 64 units in the last place of the largest number."""
    assert got.shape == want.shape and got.dtype == want.dtype
    largest = max(1.0, float(np.abs(want).max()))
    assert np.abs(got - want).max() <= 64 * np.finfo(want.dtype).eps * largest


# The results


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_in_float64_gives_what_its_layers_give(name):
    model = network(name, np.float64)
    for count in (1, 3):
        x = images(name, count, np.float64)
        np.testing.assert_allclose(together(model, x), layer_by_layer(model, x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_in_float32_is_as_close_to_the_exact_result_as_rounding_lets_it(name):
    model, exact = network(name), network(name, np.float64)
    x = images(name, 2)
    agree(together(model, x), layer_by_layer(exact, x.astype(np.float64)).astype(np.float32))


@pytest.mark.parametrize("count", [1, 2, 7, 16, 33, 70])
def test_any_number_of_images_is_cut_into_blocks_and_put_together_again(count, monkeypatch):
    monkeypatch.setattr(inference, "_SERIAL", 0)  # on all cores
    model = network("mobile")
    x = images("mobile", count)
    agree(together(model, x), layer_by_layer(model, x))


@pytest.mark.parametrize("name", ["separable-cnn", "compact-cnn", "mobilenet-28"])
def test_the_networks_of_the_zoo_run_as_one_program(name):
    model = tn.models.build(name).eval()
    x = np.random.default_rng(0).random((5, *model.input_shape), dtype=np.float32)
    agree(together(model, x), layer_by_layer(model, x))


def test_images_of_several_sizes_may_take_turns():
    model = nn.Sequential(nn.Conv2D(2, 3, 3, padding="same"), nn.ReLU(), nn.GlobalAvgPool2D()).eval()
    for size in (5, 6, 7, 8, 9, 5, 6):
        x = np.random.default_rng(size).standard_normal((2, size, size + 1, 2)).astype(np.float32)
        agree(together(model, x), layer_by_layer(model, x))


def test_a_strided_or_read_only_array_gives_the_same():
    model, x = network("max-pool"), images("max-pool", 4)
    want = together(model, x)
    frozen = x.copy()
    frozen.flags.writeable = False
    assert np.array_equal(together(model, frozen), want)
    assert np.array_equal(together(model, np.repeat(x, 2, axis=2)[:, :, ::2]), want)
    assert np.array_equal(together(model, tn.Tensor(x)), want)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", NETWORKS)
def test_nan_and_infinity_reach_the_same_outputs(name, bad):
    model = network(name)
    x = images(name, 3)
    x[1].flat[x[1].size // 2] = bad
    with np.errstate(invalid="ignore"):
        got, want = together(model, x), layer_by_layer(model, x)
    assert np.array_equal(np.isnan(got), np.isnan(want))
    assert np.array_equal(np.isposinf(got), np.isposinf(want))
    assert np.array_equal(np.isneginf(got), np.isneginf(want))


def test_results_have_the_same_bits_with_any_number_of_threads(monkeypatch):
    monkeypatch.setattr(inference, "_SERIAL", 0)
    model, x = network("mobile"), images("mobile", 37)
    chosen, results = threads.num_threads(), []
    try:
        for count in range(1, min(4, numba.config.NUMBA_NUM_THREADS) + 1):
            threads.set_num_threads(count)
            results.append(together(model, x).tobytes())
    finally:
        threads.set_num_threads(chosen)
    assert all(result == results[0] for result in results)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS >= 4, reason="four threads were tested above")
def test_four_threads_give_the_same_bits_also_on_a_small_machine():
    run_again(__file__, FOUR_THREADS, select="same_bits")


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="this is the run that the test starts")
def test_the_program_gives_the_same_without_the_compiler():
    run_again(__file__, WITHOUT_COMPILER, select="float64_gives or read_only or same_outputs")


# When it runs


def test_a_layer_nobody_knows_runs_between_two_programs():
    class Double(nn.Module):
        def forward(self, x):
            return x * 2.0

    model = nn.Sequential(nn.Dense(3, 4), nn.ReLU(), Double(), nn.Dense(4, 2)).eval()
    assert programs_run(model, np.ones((2, 3), np.float32)) == 2


class Louder(nn.Dense):
    def forward(self, x):
        return super().forward(x) * 3.0


@pytest.mark.parametrize(
    "special",
    [
        nn.Softmax(),
        Louder(3, 4),
        nn.DepthwiseConv2D(3, 5),
        nn.DepthwiseConv2D(3, 3, depth_multiplier=2),
        nn.Dense(1024, 1025),
    ],
    ids=["softmax", "subclass", "window of 5x5", "depth multiplier", "weight larger than a cache"],
)
def test_what_the_program_does_not_know_is_left_to_the_layer(special):
    assert inference.match([special.eval()], 0) is None


def test_a_layer_with_a_forward_of_its_own_is_left_alone():
    model = nn.Sequential(nn.Dense(3, 4), nn.Dense(4, 2)).eval()
    x = np.ones((2, 3), np.float32)
    assert programs_run(model, x) == 1
    model[0].forward = lambda value: tn.Tensor(np.zeros((2, 4), np.float32))
    assert programs_run(model, x) == 1  # that of the other layer
    assert not together_or_not(model, x).any()


def together_or_not(model, x):
    with tn.no_grad():
        return model(x).numpy()


def test_training_mode_observers_and_a_recorded_graph_want_the_layers():
    model, x = network("nested"), images("nested", 4)
    assert programs_run(model, x) == 1
    assert model(x).requires_grad
    with nn.observing(lambda module, output: None):
        assert programs_run(model, x) == 0
    tn.random.seed(0)
    model.train()
    with tn.no_grad():
        assert not np.allclose(model(x).numpy(), model(x).numpy())  # dropout drops
    model.eval()
    assert programs_run(model, x) == 1


def test_a_batch_norm_deep_inside_that_is_in_training_uses_its_batch():
    model, x = network("nested"), images("nested", 4)
    norm = model[0][1][0]
    together(model, x)
    norm.training = True
    before = norm.running_mean
    with tn.no_grad():
        model(x)
    assert not np.array_equal(norm.running_mean, before)


def test_weights_that_are_not_finite_are_left_to_the_layers():
    model, x = network("depthwise-same"), images("depthwise-same", 2)
    assert programs_run(model, x) == 1
    model[0].weight.data[0, 0, 0] = np.inf  # times the zeros of a border, which the layer leaves out
    with tn.no_grad():
        assert np.array_equal(model(x).numpy(), layer_by_layer(model, x), equal_nan=True)


def test_predictions_use_it(monkeypatch):
    model = tn.models.build("compact-cnn")
    pictures = np.random.default_rng(0).random((40, 28, 28, 1), dtype=np.float32)
    called = []
    run = inference._run
    monkeypatch.setattr(inference, "_run", lambda program, x: called.append(len(x)) or run(program, x))
    logits = predict_logits(model, pictures, batch_size=16)
    assert called == [16, 16, 8]
    model.eval()
    agree(logits, layer_by_layer(model, pictures))


# Nothing out of date


def step_of(optimiser):
    def step(model):
        optimise = optimiser(model.parameters(), 0.1)
        model(images("mobile", 2)).sum().backward()
        optimise.step()

    return step


def load(model):
    model.load_state_dict({name: 1.5 * array + 0.1 for name, array in model.state_dict().items()})


def write_through_data(model):
    model[0].weight.data[...] *= 2.0


def write_later_through_an_old_reference(model):
    weight = model[0].weight.data
    together(model, images("mobile", 2))
    weight += 1.0


def set_data(model):
    model[-1].bias.data = np.full(10, 3.0, np.float32)


def write_running_mean(model):
    model[1].running_mean[:] = 1.0


def set_running_var(model):
    model[1].running_var = 2 * model[1].running_var


def change_beta(model):
    with model[1].beta._writing() as beta:
        beta += 1.0


def change_eps(model):
    model[1].eps = 0.5


def change_stride(model):
    model[9].stride = (1, 1)


def change_padding(model):
    model[0].padding = 0


def take_bias_away(model):
    model[-1].bias = None


def replace_layer(model):
    model.layers[2] = nn.BatchNorm(8).eval()


def replace_parameter(model):
    model[0].weight = nn.Parameter(np.ones((3, 3, 1, 8), np.float32))


def append_layer(model):
    model.layers.append(nn.ReLU().eval())


def drop_layer(model):
    del model.layers[2]


CHANGES = [
    *(step_of(tn.optim.SGD), step_of(tn.optim.Adam)),
    *(load, write_through_data, write_later_through_an_old_reference, set_data, write_running_mean),
    *(set_running_var, change_beta, change_eps, change_stride, change_padding, take_bias_away),
    *(replace_layer, replace_parameter, append_layer, drop_layer),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_in_the_next_result(change):
    model, x = network("mobile"), images("mobile", 2)
    before = together(model, x)
    change(model)
    after = together(model, x)
    agree(after, layer_by_layer(model, x))
    assert after.shape != before.shape or not np.allclose(after, before, rtol=1e-3)


def test_changes_deep_inside_are_noticed():
    model, x = network("nested"), images("nested", 2)
    before = together(model, x)
    model[0][1].layers[1] = nn.ReLU6().eval()
    model[0][1].layers.append(nn.BatchNorm(3).eval())
    after = together(model, x)
    agree(after, layer_by_layer(model, x))
    assert not np.allclose(after, before)


def test_a_layer_nobody_knows_may_come_in_deep_inside_and_go_again():
    class Halve(nn.Module):
        buffer_names = ("nothing of the kind",)

        def forward(self, x):
            return x * 0.5

    model, x = network("nested"), images("nested", 2)
    before = together(model, x)
    model[0].layers.append(Halve())
    assert programs_run(model, x) > 0
    del model[0].layers[-1]
    assert np.array_equal(together(model, x), before)


@pytest.mark.parametrize("option", [[1, 1], np.ones(2, int)], ids=["list", "array"])
def test_an_option_that_could_change_in_place_is_left_to_the_layers(option):
    model, x = network("mobile"), images("mobile", 2)
    together(model, x)
    model[9].stride = option
    assert inference.match(model.layers, 0)[0] == 9


def test_another_precision_is_noticed():
    model, x = network("mobile"), images("mobile", 2)
    together(model, x)
    model.astype(np.float64)
    result = together(model, x.astype(np.float64))
    assert result.dtype == np.float64
    agree(result, layer_by_layer(model, x.astype(np.float64)))


def test_a_statistic_of_one_channel_may_be_replaced_by_an_equal_one_and_then_written_to():
    model = nn.Sequential(nn.BatchNorm(1)).eval()
    x = np.ones((2, 1), np.float32)
    together(model, x)
    model[0].running_mean = model[0].running_mean.copy()
    together(model, x)
    model[0].running_mean[0] = 5.0
    agree(together(model, x), layer_by_layer(model, x))


def test_training_between_two_evaluations_is_noticed():
    model, x = network("mobile"), images("mobile", 8)
    before = together(model, x)
    model.train()
    step_of(tn.optim.Adam)(model)
    model.eval()
    after = together(model, x)
    agree(after, layer_by_layer(model, x))
    assert not np.allclose(after, before, rtol=1e-3)


def pickled(model):
    return pickle.loads(pickle.dumps(model))


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
def test_a_copy_has_programs_of_its_own(copied):
    model, x = network("mobile"), images("mobile", 2)
    before = together(model, x)
    twin = copied(model)
    assert np.array_equal(together(twin, x), before)
    write_through_data(twin)
    agree(together(twin, x), layer_by_layer(twin, x))
    assert np.array_equal(together(model, x), before)


def test_threads_may_predict_at_the_same_time():
    model = network("mobile")
    batches = [images("mobile", count) for count in (1, 5, 20, 40)]
    want = [together(model, x) for x in batches]
    wrong = []

    def predict(x, result):
        for _ in range(30):
            with tn.no_grad():
                if not np.array_equal(model(x).numpy(), result):
                    wrong.append(len(x))

    workers = [threading.Thread(target=predict, args=pair) for pair in zip(batches, want, strict=True)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_a_result_is_an_array_of_its_own():
    model = network("dense")
    first = together(model, images("dense", 2))
    kept = first.copy()
    together(model, images("dense", 3))
    assert np.array_equal(first, kept)


# Wrong input


@pytest.mark.parametrize(
    "wrong",
    [
        np.ones((2, 9, 9, 2), np.float32),
        np.ones((2, 9, 9), np.float32),
        np.ones((9, 9), np.float32),
        np.ones((0, 9, 9, 1), np.float32),
        np.ones((2, 9, 9, 1), np.float64),
        np.ones((2, 9, 9, 1), np.uint8),
        np.float32(1.0),
        "images",
    ],
    ids=lambda wrong: f"{np.asarray(wrong).dtype}{np.shape(wrong)}",
)
def test_wrong_input_is_refused_in_the_words_of_the_layers(wrong):
    model = network("mobile")
    together(model, images("mobile", 2))
    refusals = []
    for call in (layer_by_layer, together_or_not):
        with pytest.raises((InputError, DTypeError)) as refusal:
            call(model, wrong)
        refusals.append((refusal.type, str(refusal.value)))
    assert refusals[0] == refusals[1]
    assert refusals[0][1].startswith("Layer ")


def test_an_image_too_small_for_a_layer_in_the_middle_names_that_layer():
    model = nn.Sequential(nn.Conv2D(1, 2, 3), nn.ReLU(), nn.Conv2D(2, 2, 5)).eval()
    with tn.no_grad(), pytest.raises(InputError, match="Layer 2 of Sequential"):
        model(np.ones((1, 5, 5, 1), np.float32))


def test_an_option_changed_inside_a_tuple_is_noticed():
    model = nn.Sequential(nn.Conv2D(2, 3, 3, padding=((1, 1), (1, 1)))).eval()
    padding = ([1, 1], [1, 1])
    model[0].padding = padding
    x = np.ones((1, 6, 6, 2), np.float32)
    with tn.no_grad():
        model(x)
        padding[0][0] = 0
        assert model(x).shape == (1, 5, 6, 3)
