"""When layers run together, and when they run one by one."""

import numpy as np
import pytest

from tinynet import Tensor, fused, nn
from tinynet.fused import plan


class Double(nn.Module):
    def forward(self, x):
        return x * 2.0


def together(layers, start):
    """A pattern: two doublings in a row are a product with four."""
    pair = layers[start : start + 2]
    if len(pair) == 2 and all(plan.is_plain(layer, Double) for layer in pair):
        return 2, lambda x: None if x.shape[0] == 0 else x * 4.0 + 1.0  # the 1 shows that it ran
    return None


@pytest.fixture(autouse=True)
def one_pattern(monkeypatch):
    monkeypatch.setattr(plan, "PATTERNS", [together])


def result(model, count=1):
    return model(Tensor(np.ones(count, np.float32))).numpy().tolist()


def test_a_pattern_covers_its_layers_and_the_others_run_alone():
    assert result(nn.Sequential(Double(), Double(), Double())) == [10.0]


def test_an_input_the_pattern_does_not_take_runs_layer_by_layer():
    assert result(nn.Sequential(Double(), Double()), count=0) == []


def test_nothing_runs_together_while_it_is_disabled():
    model = nn.Sequential(Double(), Double())
    with fused.disabled():
        assert result(model) == [4.0]
    assert result(model) == [5.0]


def test_nothing_runs_together_while_single_layers_are_observed():
    model = nn.Sequential(Double(), Double())
    seen = []
    with nn.observing(lambda module, output: seen.append(type(module))):
        assert result(model) == [4.0]
    assert seen == [Double, Double, nn.Sequential]


def test_a_replaced_or_added_layer_is_noticed():
    model = nn.Sequential(Double(), Double())
    assert result(model) == [5.0]
    model.layers[1] = nn.ReLU()
    assert result(model) == [2.0]
    model.layers.append(Double())
    assert result(model) == [4.0]


def test_a_replaced_forward_is_noticed():
    model = nn.Sequential(Double(), Double())
    assert result(model) == [5.0]
    model.layers[1].forward = lambda x: x * 0.0
    assert result(model) == [0.0]


def test_a_change_of_mode_is_noticed(monkeypatch):
    modes = []
    monkeypatch.setattr(plan, "PATTERNS", [lambda layers, start: modes.append(layers[start].training)])
    model = nn.Sequential(Double())
    for mode in (True, True, False, False):
        model.train(mode)
        result(model)
    assert modes == [True, False]


def test_a_subclass_or_a_replaced_forward_is_not_plain():
    class Special(Double):
        pass

    changed = Double()
    changed.forward = lambda x: x
    assert plan.is_plain(Double(), Double)
    assert not plan.is_plain(Special(), Double)
    assert not plan.is_plain(changed, Double)
