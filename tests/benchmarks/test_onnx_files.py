"""ONNX files of tinynet and of PyTorch beside each other: the same network, and what the table says."""

from pathlib import Path

import pytest

from benchmarks import cases, onnx_files, process
from benchmarks.measure import Effort
from tinynet.interop import frameworks

needs_onnx = pytest.mark.skipif(bool(frameworks.missing("onnx")), reason=str(frameworks.missing("onnx")))


@needs_onnx
def test_only_a_task_of_inference_has_a_file():
    with process.task("inference", "compact-cnn", {}, batch=2) as work:
        file = work["onnx"][""]
        assert file["channels_first"] and Path(file["path"]).read_bytes()
    with process.task("training", "compact-cnn", {}, batch=2) as work:
        assert work["onnx"] == {}


@pytest.mark.skipif(bool(onnx_files.PEER.missing()), reason=str(onnx_files.PEER.missing()))
@pytest.mark.filterwarnings("ignore")  # PyTorch's exporter warns of PyTorch
def test_both_files_give_the_same_and_are_timed(monkeypatch):
    monkeypatch.setattr(onnx_files, "NETWORKS", (cases.OWN,))
    monkeypatch.setattr(onnx_files, "BATCHES", (2,))
    record = onnx_files.measure_files(1, Effort(rounds=2, seconds=0.01), say=lambda text: None)
    (point,) = record["points"]  # outputs that differ would have raised PeerError
    assert list(point["ms"]) == ["tinynet", "PyTorch"]
    assert all(len(times) == 2 and min(times) > 0 for times in point["ms"].values())


def test_the_table_has_medians_and_their_ratio():
    point = {"network": "net", "batch": 2, "ms": {"tinynet": [1.0, 2.0, 4.0], "PyTorch": [3.0, 5.0, 2.0]}}
    assert onnx_files.table({"points": [point]}) == [
        ["ms a batch", "tinynet's file", "PyTorch's file", "PyTorch's / tinynet's"],
        ["net, batch 2", "2.000 (1.000-4.000)", "3.000 (2.000-5.000)", "1.50"],
    ]
