import numpy as np
import pytest

import tinynet as tn
from tinynet import nn
from tinynet.errors import CheckpointError, DTypeError, InputError


class Net(nn.Module):
    """Parts of every kind, in an order that is neither alphabetical nor by kind."""

    def __init__(self):
        self.stem = nn.Dense(2, 3)
        self.alpha = nn.Parameter(np.ones(4, np.float32))
        self.blocks = [nn.Dense(3, 3, bias=False), (nn.BatchNorm(3), nn.ReLU())]
        self.anything = {"a dictionary": "of no modules"}
        self.head = nn.Dense(3, 1)

    def forward(self, x):
        x = self.blocks[0](self.stem(x))
        norm, relu = self.blocks[1]
        return self.head(relu(norm(x)))


def test_parameters_come_in_the_order_of_definition_under_their_path():
    assert [name for name, _ in Net().named_parameters()] == [
        "stem.weight",
        "stem.bias",
        "alpha",
        "blocks.0.weight",
        "blocks.1.0.gamma",
        "blocks.1.0.beta",
        "head.weight",
        "head.bias",
    ]


def test_modules_are_named_after_the_path_too():
    names = [name for name, _ in Net().named_modules()]
    assert names == ["", "stem", "blocks.0", "blocks.1.0", "blocks.1.1", "head"]


def test_parameters_require_a_gradient():
    assert all(parameter.requires_grad for parameter in Net().parameters())


def test_a_parameter_owns_its_array():
    array = np.zeros(3, np.float32)
    parameter = nn.Parameter(array)
    array[0] = 7.0
    assert parameter._array[0] == 0.0


def test_a_shared_parameter_counts_once():
    net = Net()
    net.tied = nn.Dense(3, 3)
    net.tied.weight = net.blocks[0].weight
    names = [name for name, _ in net.named_parameters()]
    assert "blocks.0.weight" in names
    assert "tied.weight" not in names
    assert len(names) == 9


def test_a_module_used_twice_counts_once():
    layer = nn.Dense(3, 3)
    assert len(nn.Sequential(layer, nn.ReLU(), layer).parameters()) == 2


def test_a_module_that_knows_its_parent_is_no_endless_walk():
    net = Net()
    net.head.parent = net
    assert len(net.parameters()) == 8


def test_modules_in_a_dictionary_are_refused_rather_than_forgotten():
    net = Net()
    net.branches = {"left": nn.Dense(2, 2)}
    with pytest.raises(InputError, match="branches holds parameters or modules in a dict"):
        net.parameters()


def test_a_misspelt_attribute_is_an_error():
    with pytest.raises(AttributeError):
        _ = Net().trianing


def test_train_and_eval_reach_everything_inside():
    net = Net()
    assert all(module.training for _, module in net.named_modules())
    assert net.eval() is net
    assert not any(module.training for _, module in net.named_modules())
    net.train()
    assert all(module.training for _, module in net.named_modules())


def test_zero_grad_forgets_all_gradients():
    net = Net()
    net(tn.Tensor(np.eye(4, 2, dtype=np.float32))).sum().backward()
    assert net.stem.weight.grad is not None
    net.zero_grad()
    assert all(parameter.grad is None for parameter in net.parameters())


def test_parameter_count_includes_running_statistics_unless_only_trained_ones_are_asked_for():
    net = Net()
    trained = (2 * 3 + 3) + 4 + 3 * 3 + (3 + 3) + (3 + 1)
    assert net.parameter_count(trainable_only=True) == trained
    assert net.parameter_count() == trained + 6


def test_astype_converts_parameters_and_buffers_in_place():
    net = Net()
    weight = net.stem.weight
    weight.grad = np.zeros((2, 3), np.float32)
    assert net.astype(np.float64) is net
    assert net.stem.weight is weight
    assert weight.grad is None
    assert {array.dtype for array in net.state_dict().values()} == {np.dtype(np.float64)}
    assert net(tn.Tensor(np.ones((2, 2)))).dtype == np.float64


def test_astype_refuses_what_the_engine_cannot_compute_with():
    with pytest.raises(DTypeError, match="float16"):
        Net().astype(np.float16)


@pytest.mark.parametrize("dtype", ["float99", None, 3])
def test_astype_refuses_what_is_no_dtype(dtype):
    with pytest.raises(DTypeError, match=f"astype expects float32 or float64, got {dtype!r}"):
        Net().astype(dtype)


def test_a_module_without_forward_says_what_is_missing():
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty has no forward\(self, x\)"):
        Empty()(1)
    with pytest.raises(NotImplementedError, match="Empty has no output_shape"):
        Empty().output_shape((1,))
    with pytest.raises(NotImplementedError, match="Empty has no multiply_adds"):
        Empty().multiply_adds((1,))


def test_repr_shows_the_modules_directly_inside():
    assert repr(Net()) == (
        "Net(\n"
        "  stem: Dense(2, 3)\n"
        "  blocks.0: Dense(3, 3, bias=False)\n"
        "  blocks.1.0: BatchNorm(3)\n"
        "  blocks.1.1: ReLU()\n"
        "  head: Dense(3, 1)\n"
        ")"
    )


# The saved state


def test_state_holds_parameters_and_buffers():
    state = Net().state_dict()
    assert list(state)[:3] == ["stem.weight", "stem.bias", "alpha"]
    assert "blocks.1.0.running_mean" in state
    assert "blocks.1.0.running_var" in state
    assert len(state) == 10


def test_state_is_a_copy_both_ways():
    net, other = Net(), Net()
    state = net.state_dict()
    other.load_state_dict(state)
    state["alpha"][:] = 9.0
    state["blocks.1.0.running_mean"][:] = 9.0
    for module in (net, other):
        assert module.alpha._array.max() == 1.0
        assert module.blocks[1][0].running_mean.max() == 0.0


def test_loading_makes_two_networks_compute_the_same():
    tn.seed(0)
    net, other = Net(), Net()
    net(tn.Tensor(np.random.default_rng(0).standard_normal((8, 2), dtype=np.float32)))
    other.load_state_dict(net.state_dict())
    x = tn.Tensor(np.ones((3, 2), np.float32))
    assert np.array_equal(net.eval()(x).numpy(), other.eval()(x).numpy())


def test_loading_converts_between_float_precisions():
    net = Net()
    state = {name: array.astype(np.float64) + 0.5 for name, array in net.state_dict().items()}
    net.load_state_dict(state)
    assert net.alpha.dtype == np.float32
    assert net.alpha._array[0] == np.float32(1.5)
    assert net.blocks[1][0].running_var.dtype == np.float32


def test_loading_lists_everything_that_does_not_fit_and_changes_nothing():
    net = Net()
    before = net.state_dict()
    state = {name: array + 1 for name, array in before.items()}
    del state["stem.bias"], state["blocks.1.0.running_var"]
    state["stem.scale"] = np.ones(3, np.float32)
    state["head.weight"] = np.ones((1, 3), np.float32)
    state["alpha"] = np.ones(4, np.int64)
    with pytest.raises(CheckpointError) as caught:
        net.load_state_dict(state)
    message = str(caught.value)
    assert "missing: stem.bias, blocks.1.0.running_var" in message
    assert "unknown: stem.scale" in message
    assert "head.weight (expected (3, 1), got (1, 3))" in message
    assert "alpha (int64)" in message
    after = net.state_dict()
    assert all(np.array_equal(after[name], array) for name, array in before.items())


@pytest.mark.parametrize("state", [None, [1.0], "weights.npz"])
def test_loading_refuses_what_is_no_saved_state(state):
    with pytest.raises(InputError, match=f"load_state_dict expects .* got {type(state).__name__}"):
        Net().load_state_dict(state)


def test_loading_refuses_lists_that_are_no_array():
    with pytest.raises(InputError, match="load_state_dict expects .* for weight a list"):
        nn.Dense(2, 1).load_state_dict({"weight": [[1.0], [2.0, 3.0]], "bias": [0.0]})


def test_loading_before_a_pending_backward_is_noticed():
    net = nn.Dense(2, 2)
    loss = net(tn.Tensor(np.ones((1, 2), np.float32), requires_grad=True)).sum()
    net.load_state_dict(net.state_dict())
    with pytest.raises(tn.errors.GradientError, match="changed in place"):
        loss.backward()


# Looking inside


def test_observers_see_every_output_inner_ones_first():
    inner = nn.ReLU()
    outer = nn.Sequential(inner, nn.Flatten())
    seen = []
    with nn.observing(lambda module, output: seen.append((module, output.shape))):
        outer(tn.Tensor(np.ones((2, 3, 1), np.float32)))
    assert seen == [(inner, (2, 3, 1)), (outer[1], (2, 3)), (outer, (2, 3))]


def test_observing_ends_with_its_block_even_after_an_error():
    seen = []
    with pytest.raises(KeyError), nn.observing(lambda module, output: seen.append(module)):
        raise KeyError
    nn.ReLU()(tn.Tensor([1.0]))
    assert seen == []
