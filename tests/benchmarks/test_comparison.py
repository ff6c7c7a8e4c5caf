"""What a comparison says: the better variant, ratios, floors, and the tables and picture made from it."""

import json

import pytest

from benchmarks import chart, comparison, tables
from benchmarks.__main__ import main
from benchmarks.cases import chosen
from benchmarks.comparison import best, compare, holds, ratio, verdict
from benchmarks.measure import QUICK, Figures
from benchmarks.peers import Peer
from benchmarks.process import PeerError

from . import records


def cells(text):
    return [cell.strip() for cell in text.split("  ") if cell.strip()]


def test_the_faster_variant_counts():
    assert best(records.case(), "pytorch")["variant"] == "NHWC"
    assert best(records.case(), "onnxruntime") is None


def test_a_ratio_is_their_time_over_ours():
    assert ratio(records.case(), "pytorch") == 2.25
    assert ratio(records.case(), "onnxruntime") is None


def test_a_floor_holds_when_it_is_reached():
    assert holds(records.case(), "pytorch") is True
    assert holds(records.case(), "keras") is False
    assert holds(records.case(floors={"pytorch": 2.25}), "pytorch") is True
    assert holds(records.case(floors={}), "pytorch") is None


def test_the_verdict_counts_what_was_promised_and_measured():
    unmeasured = records.case(peers={"tinynet": [records.figures(1.0)]})
    assert verdict([records.case(), unmeasured]) == (1, 2)


def test_times_have_median_and_range_and_the_format_that_won():
    (header, row) = tables.times(records.comparison(), "training")
    assert header == ["ms a step", "tinynet", "PyTorch", "Keras", "tinynet, images/s"]
    assert row == [
        "net-train, batch 4", "2.00 (1.00-4.00)", "4.50 (2.25-9.00) NHWC", "5.00 (2.50-10.0)", "2,000",
    ]  # fmt: skip


def test_ratios_stand_beside_their_floors():
    (_, row) = tables.ratios(records.comparison(), "training")
    assert row[1:] == ["2.25, 2.0 holds", "2.50, 3.0 missed"]


def test_the_first_step_and_the_memory_are_those_of_the_variant_that_won():
    (_, row) = tables.beginnings(records.comparison(), "training")
    assert row[1:] == ["1.5 (0.050)"] * 3
    (_, row) = tables.memory(records.comparison(), "training")
    assert row[1:] == ["130 (+30)", "200 (+100)", "130 (+30)"]


def test_the_first_run_ever_has_a_column_where_it_was_measured():
    cold = records.case("cold", peers={"tinynet": [records.figures(1.0, cold=18_250.0)]})
    header, row, other = tables.beginnings(records.comparison(cold, records.case()), "training")
    assert header[-1] == "tinynet, first run ever" and row[-1] == "18.2" and other[-1] == "-"
    assert len(tables.beginnings(records.comparison(), "training")[0]) == 4


def test_a_floor_just_missed_is_told_from_one_that_is_reached():
    just = records.case(peers={"tinynet": [records.figures(1.0)], "pytorch": [records.figures(1.998)]})
    assert tables.ratios(records.comparison(just), "training")[1][1] == "1.998, 2.0 missed"


@pytest.mark.parametrize(("load", "sentence"), [(1.25, "load average 1.2"), (0.1, ""), (None, "")])
def test_other_work_of_the_machine_is_said(load, sentence):
    heading = tables.heading(records.comparison(load=load))
    assert sentence in heading and ("did other work" in heading) == bool(sentence)


def test_a_peer_without_figures_leaves_a_gap():
    alone = records.case("other", peers={"tinynet": [records.figures(1.0)]})
    table = tables.times(records.comparison(records.case(), alone), "training")
    assert table[2][2:4] == ["-", "-"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.03849, "0.038"), (1.004, "1.00"), (12.34, "12.3"), (156.7, "157"), (1234.4, "1234")],
)
def test_times_have_three_digits_and_no_exponent(value, text):
    assert tables.digits(value) == text


def test_everything_is_shown_and_columns_are_aligned():
    inference = records.case("infer", "inference")
    text = tables.show(records.comparison(records.case(), inference, left_out=["Keras is left out."]))
    assert "Training" in text and "Inference" in text and "A Processor, 2 threads, 2026-01-02" in text
    assert text.endswith("2 of 4 floors hold.\nKeras is left out.")
    table = tables.plain([["a", "b"], ["long name", "1"], ["x", "23"]]).splitlines()
    assert table == ["a           b", "-------------", "long name   1", "x          23"]


def test_nothing_measured_beside_tinynet_gives_no_ratios():
    alone = records.case(peers={"tinynet": [records.figures(1.0)]})
    text = tables.show(records.comparison(alone))
    assert "time / tinynet's" not in text and "No floor was put to the test." in text


def test_markdown_has_figures_to_the_right():
    lines = tables.markdown([["a", "b"], ["x", "1"]]).splitlines()
    assert lines == ["| a | b |", "| --- | ---: |", "| x | 1 |"]


def test_the_picture_has_a_bar_a_factor_and_a_name_for_each():
    from matplotlib.text import Text

    figure = chart.comparison(records.comparison(records.case(), records.case("infer", "inference")))
    drawn = {text.get_text() for text in figure.findobj(Text)}
    assert {"2.00 ms", "2.25 ×   4.50 ms", "net-train, batch 4", "Training", "Inference", "floor"} <= drawn
    assert sum(len(axes.patches) for axes in figure.axes) == 6


def test_a_very_long_bar_is_cut_and_says_so():
    from matplotlib.text import Text

    slow = records.case(peers={"tinynet": [records.figures(1.0)], "keras": [records.figures(40.0)]})
    figure = chart.comparison(records.comparison(slow))
    assert "» 40 ×   40.0 ms" in {text.get_text() for text in figure.findobj(Text)}
    assert max(patch.get_width() for patch in figure.axes[0].patches) == chart.LONGEST


# A whole run, without its processes


@pytest.fixture
def measured(monkeypatch):
    """Stands for `measure`: every present peer takes a millisecond, but simple-cnn fails."""

    def measure(case, peers, threads, effort):
        if case.network.model == "simple-cnn":
            raise PeerError("tinynet: no memory")
        figure = Figures("", "Some 1.0", 10, 1.0, 2.0, 3.0, 4.0, rounds=[1.0, 1.0])
        return {peer.name: [figure] for peer in peers}, ["Odd built another network."]

    monkeypatch.setattr(comparison, "measure", measure)


def test_a_peer_that_is_not_installed_is_left_out_with_a_sentence(measured):
    absent = Peer("absent", "Absent", "benchmarks.peers.absent", ("no_such_module",), {})
    said = []
    record = compare(chosen(["compact"]), [absent], 2, QUICK, say=said.append)
    assert said[0] == record["left_out"][0]
    assert said[0].startswith("Absent is left out: no_such_module cannot be imported")
    assert list(record["cases"][0]["peers"]) == ["tinynet"]


def test_a_case_that_fails_is_left_out_and_the_others_go_on(measured):
    record = compare(chosen(["compact", "simple"]), [], 2, QUICK, say=lambda text: None)
    assert [case["name"] for case in record["cases"]] == ["train-compact-cnn-128"]
    assert record["left_out"] == [
        "train-compact-cnn-128: Odd built another network.",
        "train-simple-cnn-128: tinynet: no memory",
    ]


def test_the_command_prints_the_tables_and_writes_json_and_png(measured, tmp_path, capsys):
    code = main(["--cases", "compact", "--peers", "--quick", "--out", str(tmp_path)])
    assert code == 0 and "compact-cnn, batch 128" in capsys.readouterr().out
    record = json.loads((tmp_path / "comparison.json").read_text())
    assert record["cases"][0]["peers"]["tinynet"][0]["median"] == 1.0
    assert (tmp_path / "comparison.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--peers", "jax"], "no peer called 'jax'; there are pytorch, keras, onnxruntime"),
        (["--cases", "alexnet"], "no case with 'alexnet'"),
        (["--record", "--quick"], "--record keeps whole runs only"),
        (["--record", "--threads", "1"], "--record keeps whole runs only"),
        (["layers", "alexnet"], "no training case with 'alexnet'"),
        (["scaling", "--threads", "1000"], "--threads 1000 is more than the"),
        (["--out", __file__], "is a file: name a folder."),
        (["--cases", "simple", "--peers"], "no case could be measured"),
    ],
)
def test_wrong_arguments_get_a_sentence(measured, capsys, arguments, sentence):
    assert main(arguments) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["scaling"], ["layers"]])
def test_a_run_without_a_rival_is_not_kept(monkeypatch, capsys, command):
    absent = Peer("absent", "Absent", "benchmarks.peers.absent", ("no_such_module",), {})
    monkeypatch.setattr("benchmarks.__main__.RIVALS", (absent,))
    assert main([*command, "--record"]) == 2
    assert "Absent is left out: no_such_module cannot be imported" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["scaling", "layers"])
def test_a_rival_that_fails_gets_a_sentence(monkeypatch, capsys, command):
    variants = {"training": ("",), "layer": ("",)}
    broken = Peer("pytorch", "Broken", "tests.benchmarks.no_such_peer", (), variants)
    monkeypatch.setattr("benchmarks.__main__.RIVALS", (broken,))
    monkeypatch.setattr("benchmarks.__main__.TINYNET", broken)
    assert main([command]) == 2
    assert "Broken: ModuleNotFoundError" in capsys.readouterr().err
