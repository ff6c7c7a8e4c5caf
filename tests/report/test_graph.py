"""Drawing the recorded graph: what is in the text, and where the layout puts it."""

from xml.etree import ElementTree

import numpy as np
import pytest

import tinynet as tn
from tinynet import nn
from tinynet.errors import GradientError, InputError
from tinynet.report.graph import graph
from tinynet.report.layout import assign_layers, lay_out

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def loss():
    x = tn.Tensor(np.ones((2, 3), np.float32), name="x")
    w = tn.Tensor(np.ones((3, 4), np.float32), requires_grad=True, name="w")
    y = tn.tanh(x @ w)
    return (y * y).sum()


def svg_texts(text):
    return [element.text for element in ElementTree.fromstring(text).iter(f"{SVG}text")]


def test_dot_joins_inputs_to_operations(loss):
    text = graph(loss)
    assert text.startswith("digraph") and text.rstrip().endswith("}")
    assert 'label="x\\n2 × 3"' in text and 'label="MatMul\\n2 × 4"' in text
    assert text.count("->") == 5  # x and w to MatMul, then Tanh, Multiply (twice in one), Sum


def test_a_tensor_used_twice_by_one_operation_is_joined_with_a_count(loss):
    assert '[label="2 times"]' in graph(loss)
    assert "2 times" in svg_texts(graph(loss, "svg"))


def test_svg_is_well_formed_and_names_everything(loss):
    texts = svg_texts(graph(loss, "svg"))
    assert {"x", "w", "MatMul", "Tanh", "Multiply", "Sum", "2 × 3"} <= set(texts)


def test_a_result_used_twice_is_drawn_once():
    x = tn.Tensor([1.0], requires_grad=True)
    y = tn.exp(x)
    assert svg_texts(graph(y + tn.tanh(y), "svg")).count("Exp") == 1


def test_parameters_get_their_path_in_the_model():
    model = nn.Sequential(nn.Dense(3, 2))
    output = model(tn.Tensor(np.zeros((1, 3), np.float32)))
    assert "layers.0.weight" in graph(output.sum(), model=model)


def test_names_are_escaped():
    x = tn.Tensor([1.0], requires_grad=True, name='<a> & "b"')
    assert '<a> & "b"' in svg_texts(graph(x * 2.0, "svg"))
    assert '\\"b\\"' in graph(x * 2.0)


def test_a_tensor_without_a_graph_is_a_single_node():
    text = graph(tn.Tensor([1.0, 2.0], name="alone"))
    assert "alone" in text and "->" not in text


def test_a_deep_graph_does_not_recurse():
    x = tn.Tensor([1.0], requires_grad=True)
    for _ in range(3000):
        x = x + 1.0
    assert svg_texts(graph(x, "svg")).count("Add") == 3000


def test_a_graph_that_backward_freed_is_refused(loss):
    loss.backward()
    with pytest.raises(GradientError, match="before backward"):
        graph(loss)


def test_an_unknown_format_is_refused(loss):
    with pytest.raises(InputError, match='"dot" or "svg", got \'png\''):
        graph(loss, "png")


def test_something_else_than_a_tensor_is_refused():
    with pytest.raises(InputError, match="expects a Tensor, got list"):
        graph([1.0])


def test_layers_follow_the_longest_path_and_sources_stay_near():
    nodes = ["a", "b", "c", "late", "d"]
    edges = [("a", "b"), ("b", "c"), ("a", "d"), ("c", "d"), ("late", "d")]
    assert assign_layers(nodes, edges) == {"a": 0, "b": 1, "c": 2, "d": 3, "late": 2}


def test_boxes_of_one_layer_do_not_overlap():
    nodes = ["root", *range(12), "sink"]
    edges = [("root", node) for node in range(12)] + [(node, "sink") for node in range(12)]
    width = {node: 40.0 + 5 * index for index, node in enumerate(nodes)}
    layout = lay_out(nodes, edges, width)
    row = sorted(range(12), key=layout.x.__getitem__)
    for left, right in zip(row, row[1:], strict=False):
        assert layout.x[left] + width[left] / 2 < layout.x[right] - width[right] / 2


def test_the_order_of_a_layer_avoids_crossings():
    nodes = ["a", "b", "c", "x", "y", "z"]
    layout = lay_out(nodes, [("a", "z"), ("b", "y"), ("c", "x")], dict.fromkeys(nodes, 30.0))
    above = sorted("abc", key=layout.x.__getitem__)
    below = sorted("zyx", key=layout.x.__getitem__)
    assert [{"a": "z", "b": "y", "c": "x"}[node] for node in above] == below


def test_a_long_edge_bends_once_per_layer_it_passes():
    nodes = ["a", "b", "c", "d"]
    edges = [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")]
    layout = lay_out(nodes, edges, dict.fromkeys(nodes, 30.0))
    assert [layer for _, layer in layout.bends[("a", "d")]] == [1, 2]
    assert layout.bends[("a", "b")] == []
