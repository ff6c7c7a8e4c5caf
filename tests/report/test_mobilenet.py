"""MobileNet's tables: the page is what is counted, and what is counted is what the paper prints."""

from pathlib import Path

import pytest

from tinynet.cli import main
from tinynet.report import mobilenet

PAGE = Path(__file__).parent.parent.parent / "docs" / "mobilenet.md"


def test_the_page_is_what_the_command_prints(capsys):
    assert main(["summary", "mobilenet", "--tables"]) == 0
    assert capsys.readouterr().out == PAGE.read_text(encoding="utf-8"), (
        "run tinynet summary mobilenet --tables > docs/mobilenet.md"
    )


def test_the_papers_figures_are_those_of_the_paper():
    assert mobilenet.TABLE_2 == {
        "1x1 convolution": (94.86, 74.59),
        "3x3 depthwise convolution": (3.06, 1.06),
        "3x3 convolution": (1.19, 0.02),
        "dense": (0.18, 24.33),
    }
    assert mobilenet.TABLE_4 == {"Convolutions only": (4866, 29.3), "MobileNet": (569, 4.2)}
    assert mobilenet.TABLE_6 == {1.0: (569, 4.2), 0.75: (325, 2.6), 0.5: (149, 1.3), 0.25: (41, 0.5)}
    assert mobilenet.TABLE_7 == {
        224: (569, 4.2),
        192: (418, 4.2),
        160: (290, 4.2),
        128: (186, 4.2),
    }
    assert mobilenet.KERAS == {0.25: 475_544, 0.5: 1_342_536, 0.75: 2_601_976, 1.0: 4_253_864}


def test_table_2_is_what_is_counted_but_for_the_slip_of_the_pen():
    paper = {**mobilenet.TABLE_2, "3x3 convolution": (1.91, 0.02)}
    counted = {kind: tuple(round(share, 2) for share in pair) for kind, pair in mobilenet.shares().items()}
    assert counted == paper


def test_table_4_is_what_is_counted():
    network = mobilenet.convolutional()
    products = network.multiply_adds(mobilenet.IMAGE)
    assert round(network.parameter_count(trainable_only=True) / 1e6, 1) == 29.3
    assert round((products - 1024 * 1000) / 1e6) == 4866  # the paper leaves the dense layer out


@pytest.mark.parametrize(
    ("options", "paper"),
    [({"width": width}, paper) for width, paper in mobilenet.TABLE_6.items()]
    + [({"resolution": size}, paper) for size, paper in mobilenet.TABLE_7.items()],
    ids=str,
)
def test_tables_6_and_7_are_what_is_counted(options, paper):
    products, trained, _ = mobilenet.counts(**options)
    # The paper rounds 568.7 up and 290.7 down: "equal" can only mean less than one million away.
    assert abs(products / 1e6 - paper[0]) < 1 and round(trained / 1e6, 1) == paper[1]


@pytest.mark.parametrize(("width", "total"), mobilenet.KERAS.items())
def test_all_parameters_are_those_of_keras(width, total):
    assert mobilenet.counts(width)[2] == total


@pytest.mark.parametrize("arguments", [["compact-cnn"], ["mobilenet", "--width", "0.5"]])
def test_the_tables_are_of_mobilenet_as_it_is(capsys, arguments):
    assert main(["summary", *arguments, "--tables"]) == 2
    assert "--tables takes mobilenet as it is" in capsys.readouterr().err
