"""What all optimisers share: which parameters they change, their state, and what they refuse."""

import numpy as np
import pytest

import tinynet as tn
from tinynet import nn, optim
from tinynet.errors import CheckpointError, GradientError, InputError

KINDS = [
    (optim.SGD, {"lr": 0.1}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    (optim.RMSprop, {"lr": 0.1}),
    (optim.RMSprop, {"lr": 0.1, "momentum": 0.9}),
    (optim.Adam, {"lr": 0.1}),
    (optim.AdamW, {"lr": 0.1}),
]


def two_parameters():
    return [nn.Parameter(np.ones((2, 3), np.float32)), nn.Parameter(np.ones(4, np.float32))]


def set_gradients(parameters, seed):
    rng = np.random.default_rng(seed)
    for parameter in parameters:
        parameter.grad = rng.standard_normal(parameter.shape, dtype=np.float32)


@pytest.mark.parametrize("kind, options", KINDS)
def test_a_parameter_without_gradient_stays_as_it_is(kind, options):
    first, second = two_parameters()
    optimizer = kind([first, second], **options)
    first.grad = np.ones((2, 3), np.float32)
    optimizer.step()
    assert (first.numpy() != 1).all()
    assert (second.numpy() == 1).all()


@pytest.mark.parametrize("kind, options", KINDS)
def test_the_update_is_in_place_and_leaves_the_gradient_alone(kind, options):
    parameters = two_parameters()
    arrays = [parameter._array for parameter in parameters]
    optimizer = kind(parameters, **options)
    set_gradients(parameters, seed=0)
    gradients = [parameter.grad.copy() for parameter in parameters]
    optimizer.step()
    for parameter, array, gradient in zip(parameters, arrays, gradients, strict=True):
        assert parameter._array is array
        assert np.array_equal(parameter.grad, gradient)
        assert parameter.dtype == np.float32


@pytest.mark.parametrize("kind, options", KINDS)
def test_a_parameter_that_is_not_contiguous_is_updated_as_well(kind, options):
    whole = np.ones((3, 2), np.float32)
    turned = tn.Tensor(whole.T, requires_grad=True)
    plain = nn.Parameter(np.ones((2, 3), np.float32))
    for parameter in (turned, plain):
        optimizer = kind([parameter], **options)
        for seed in range(2):
            set_gradients([parameter], seed)
            optimizer.step()
    assert np.array_equal(turned.numpy(), plain.numpy())
    assert np.array_equal(whole.T, plain.numpy())


def test_a_gradient_in_another_memory_order_is_read_right():
    parameter = nn.Parameter(np.zeros((2, 3), np.float32))
    parameter.grad = np.arange(6, dtype=np.float32).reshape(3, 2).T
    optim.SGD([parameter], lr=1.0).step()
    assert parameter.numpy().tolist() == [[0, -2, -4], [-1, -3, -5]]


def test_a_parameter_without_dimensions_can_be_trained():
    parameter = nn.Parameter(np.float64(2.0))
    optimizer = optim.Adam([parameter], lr=0.1)
    (parameter * parameter).backward()
    optimizer.step()
    assert parameter.item() == pytest.approx(1.9)


def test_zero_grad_forgets_the_gradients():
    parameters = two_parameters()
    optimizer = optim.SGD(parameters, lr=0.1)
    set_gradients(parameters, seed=0)
    optimizer.zero_grad()
    assert all(parameter.grad is None for parameter in parameters)


def test_a_step_before_a_pending_backward_is_noticed():
    layer = nn.Dense(2, 2)
    optimizer = optim.SGD(layer.parameters(), lr=0.1)
    x = tn.Tensor(np.ones((1, 2), np.float32), requires_grad=True)
    late = layer(x).sum()
    layer(x).sum().backward()
    optimizer.step()
    with pytest.raises(GradientError, match="changed in place"):
        late.backward()


def test_a_float64_learning_rate_does_not_promote_the_parameters():
    parameters = two_parameters()
    optimizer = optim.Adam(parameters, lr=np.float64(0.1))
    optimizer.lr = np.float64(0.05)
    set_gradients(parameters, seed=0)
    optimizer.step()
    assert isinstance(optimizer.lr, float)
    assert parameters[0].dtype == np.float32


def test_the_learning_rate_may_become_zero_but_not_start_there():
    optimizer = optim.SGD(two_parameters(), lr=0.1)
    optimizer.lr = 0.0
    with pytest.raises(InputError, match="lr expects a finite number of 0 or more, got -1"):
        optimizer.lr = -1
    with pytest.raises(InputError, match="lr expects a finite number above 0, got 0"):
        optim.SGD(two_parameters(), lr=0)


# State


@pytest.mark.parametrize("kind, options", KINDS)
def test_a_saved_state_continues_as_if_nothing_had_happened(kind, options, tmp_path):
    parameters = two_parameters()
    optimizer = kind(parameters, **options)
    for seed in range(3):
        set_gradients(parameters, seed)
        optimizer.step()
    optimizer.lr = 0.03
    np.savez(tmp_path / "state.npz", **optimizer.state_dict())

    copies = [nn.Parameter(parameter._array) for parameter in parameters]
    resumed = kind(copies, **options)
    with np.load(tmp_path / "state.npz", allow_pickle=False) as state:
        resumed.load_state_dict(state)
    assert resumed.lr == 0.03
    for seed in range(3, 6):
        for each, by in ((parameters, optimizer), (copies, resumed)):
            set_gradients(each, seed)
            by.step()
    for parameter, copy in zip(parameters, copies, strict=True):
        assert np.array_equal(parameter.numpy(), copy.numpy())


def test_state_is_a_copy():
    parameters = two_parameters()
    optimizer = optim.Adam(parameters, lr=0.1)
    set_gradients(parameters, seed=0)
    optimizer.step()
    state = optimizer.state_dict()
    before = state["0.mean"].copy()
    optimizer.step()
    assert np.array_equal(state["0.mean"], before)


def test_a_state_from_before_the_first_step_can_be_loaded():
    state = optim.Adam(two_parameters(), lr=0.2).state_dict()
    parameters = two_parameters()
    optimizer = optim.Adam(parameters, lr=0.1)
    set_gradients(parameters, seed=0)
    optimizer.step()
    optimizer.load_state_dict(state)
    assert optimizer.lr == 0.2
    assert optimizer.state_dict().keys() == {"lr", "0.step", "1.step"}


def stepped(kind, **options):
    parameters = two_parameters()
    optimizer = kind(parameters, **options)
    set_gradients(parameters, seed=0)
    optimizer.step()
    return optimizer


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda state: state.pop("lr"), "lr is missing"),
        (lambda state: state.pop("1.step"), "1.step is missing"),
        (lambda state: state.pop("0.mean"), "0.mean is missing"),
        (lambda state: state.update({"2.mean": np.ones(1)}), "2.mean is unknown"),
        (
            lambda state: state.update({"1.square": np.ones((2, 2))}),
            r"1.square has shape \(2, 2\), expected \(4,\)",
        ),
        (lambda state: state.update({"lr": np.array(np.nan)}), "lr expects .* got nan"),
        (lambda state: state.update({"lr": np.array(-0.1)}), "lr expects .* got -0.1"),
        (lambda state: state.update({"lr": np.array("fast")}), "lr expects .* got fast"),
        (lambda state: state.update({"0.step": np.array(np.nan)}), "0.step expects .* got nan"),
        (lambda state: state.update({"0.step": np.array(-1)}), "0.step expects .* got -1"),
        (lambda state: state.update({"0.step": np.array(1.5)}), "0.step expects .* got 1.5"),
        (lambda state: state["1.mean"].put(2, np.nan), "1.mean expects values without NaN"),
        (
            lambda state: state.update({"1.mean": np.array(["a"] * 4)}),
            "1.mean expects floating-point values, got <U1",
        ),
    ],
)
def test_a_state_that_does_not_fit_is_refused_whole(change, sentence):
    optimizer = stepped(optim.Adam, lr=0.1)
    before = optimizer.state_dict()
    state = stepped(optim.Adam, lr=0.3).state_dict()
    change(state)
    with pytest.raises(CheckpointError, match=sentence):
        optimizer.load_state_dict(state)
    after = optimizer.state_dict()
    assert all(np.array_equal(after[name], array) for name, array in before.items())


def test_a_state_of_another_kind_of_optimiser_is_refused():
    state = stepped(optim.SGD, lr=0.1, momentum=0.9).state_dict()
    with pytest.raises(CheckpointError, match="does not fit this Adam .*0.velocity is unknown"):
        stepped(optim.Adam, lr=0.1).load_state_dict(state)


@pytest.mark.parametrize("state", [None, 3, "state.npz"])
def test_what_is_no_saved_state_is_refused(state):
    with pytest.raises(InputError, match=f"load_state_dict expects .* got {type(state).__name__}"):
        stepped(optim.Adam, lr=0.1).load_state_dict(state)


# Wrong arguments


@pytest.mark.parametrize(
    "parameters, sentence",
    [
        ([], "at least one tensor to train, got none"),
        (nn.Dense(2, 2), r"got Dense: pass model.parameters\(\)"),
        (nn.Sequential(nn.Dense(2, 2)), r"got a Dense at position 0: pass model.parameters\(\)"),
        (nn.Parameter([1.0]), r"got Parameter: pass model.parameters\(\)"),
        ([tn.Tensor([1.0])], "got a Tensor without requires_grad=True at position 0"),
        ([nn.Parameter([1.0])] * 2, "each tensor once"),
    ],
)
def test_what_is_not_a_list_of_parameters_is_refused(parameters, sentence):
    with pytest.raises(InputError, match=sentence):
        optim.SGD(parameters, lr=0.1)


@pytest.mark.parametrize(
    "kind, options, sentence",
    [
        (optim.SGD, {"lr": float("nan")}, "lr expects .* got nan"),
        (optim.SGD, {"lr": "fast"}, "lr expects .* got 'fast'"),
        (optim.SGD, {"lr": 0.1, "momentum": 1.0}, "momentum expects .* below 1, got 1.0"),
        (optim.SGD, {"lr": 0.1, "nesterov": True}, "nesterov expects a momentum above 0"),
        (optim.SGD, {"lr": 0.1, "weight_decay": -1}, "weight_decay expects .* got -1"),
        (optim.RMSprop, {"alpha": 1}, "alpha expects"),
        (optim.RMSprop, {"eps": 0}, "eps expects a finite number above 0"),
        (optim.Adam, {"betas": 0.9}, "betas expects two numbers"),
        (optim.Adam, {"betas": (0.9, 1.0)}, r"betas\[1\] expects .* below 1, got 1.0"),
        (optim.AdamW, {"weight_decay": float("inf")}, "weight_decay expects a finite"),
    ],
)
def test_options_out_of_range_are_refused(kind, options, sentence):
    with pytest.raises(InputError, match=sentence):
        kind(two_parameters(), **options)


def test_a_gradient_of_another_shape_is_refused_before_anything_changes():
    parameters = two_parameters()
    set_gradients(parameters, seed=0)
    parameters[1].grad = np.ones(5, np.float32)
    optimizer = optim.Adam(parameters, lr=0.1)
    with pytest.raises(InputError, match=r"shape \(4,\) for parameter 1, got \(5,\)"):
        optimizer.step()
    assert (parameters[0].numpy() == 1).all()
    assert optimizer.state_dict().keys() == {"lr", "0.step", "1.step"}
    assert optimizer.state_dict()["0.step"] == 0
