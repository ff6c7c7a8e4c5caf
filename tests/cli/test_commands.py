"""What each command does when all is well."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tinynet.cli import main
from tinynet.commands.building import choose_schedule
from tinynet.data import image_folder
from tinynet.errors import MissingDataError
from tinynet.train import History, load, predict_logits
from tinynet.train.checkpoint import load_state

from .conftest import SIZE, TRAINING, write_photographs


def test_train_leaves_the_run_folder_of_the_contract(finished):
    assert set(os.listdir(finished)) == {
        "history.json",
        "run.json",
        "model.npz",
        "checkpoint.npz",
        "curves.png",
        "confusion.png",
        "predictions.png",
    }
    history = json.loads((finished / "history.json").read_text())
    assert [set(record) for record in history] == [
        {"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"}
    ]


def test_run_json_says_what_was_done(finished, photographs):
    record = json.loads((finished / "run.json").read_text())
    assert record["status"] == "finished" and record["seed"] == 0
    assert record["configuration"]["model"] == "compact-cnn"
    assert record["configuration"]["options"] == {"classes": 3, "in_channels": 3, "size": 18}
    assert record["configuration"]["data"] == str(photographs)
    assert set(record["versions"]) >= {"python", "numpy", "numba", "tinynet"}
    assert record["machine"]["cores"] >= 1
    assert record["data"]["training_images"] == 18 and not record["data"]["synthetic"]
    assert record["validation_measured_on"] == "test"
    assert record["test"]["images"] == 18 and 0 <= record["test"]["accuracy"] <= 1


def test_train_says_the_result_the_folder_and_what_is_next(tinynet, photographs, tmp_path):
    code, output, error = tinynet(
        "train", "compact-cnn", "--data", photographs, "--out", tmp_path / "run", *TRAINING
    )
    assert code == 0 and error == ""
    assert "Test accuracy" in output and str(tmp_path / "run") in output
    assert "Next: tinynet predict" in output and "Epoch 1/1" in output


def test_quiet_prints_the_result_only(tinynet, photographs, tmp_path):
    _, output, _ = tinynet(
        "train", "compact-cnn", "--data", photographs, "--out", tmp_path / "run", "--quiet", *TRAINING
    )
    assert "Epoch" not in output and output.startswith("Test accuracy")


def test_validation_is_held_out_of_the_training_images(tinynet, photographs, tmp_path):
    code, output, _ = tinynet(
        "train", "compact-cnn", "--data", photographs, "--out", tmp_path / "run",
        "--validation-split", "0.34", *TRAINING,
    )  # fmt: skip
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert code == 0 and "6 held out" in output and "validation loss" in output
    assert record["data"]["training_images"] == 12 and record["data"]["validation_images"] == 6
    assert record["validation_measured_on"] == "validation" and record["test"]["images"] == 18


def test_two_classes_and_one_logit_use_the_binary_loss(tinynet, tmp_path):
    folder = write_photographs(tmp_path / "photographs", classes=("cat", "dog"))
    code, _, _ = tinynet(
        "train", "separable-cnn-binary", "--data", folder, "--out", tmp_path / "run", *TRAINING
    )
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert code == 0 and record["configuration"]["loss"] == "binary_cross_entropy"
    code, output, _ = tinynet("evaluate", tmp_path / "run")
    assert code == 0 and "cat" in output and "dog" in output


def test_a_small_image_gets_a_mobilenet_with_a_gentle_stem(tinynet, photographs, tmp_path):
    code, _, _ = tinynet(
        "train", "mobilenet", "--width", "0.125", "--data", photographs, "--out", tmp_path / "run",
        *TRAINING,
    )  # fmt: skip
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert code == 0 and record["configuration"]["options"]["stem_stride"] == 1


@pytest.mark.parametrize("optimizer", ["adamw", "rmsprop", "sgd"])
def test_every_optimizer_can_be_named(tinynet, photographs, tmp_path, optimizer):
    code, _, _ = tinynet(
        "train", "compact-cnn", "--data", photographs, "--out", tmp_path / "run",
        "--optimizer", optimizer, "--lr", "0.01", *TRAINING,
    )  # fmt: skip
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert code == 0 and record["configuration"]["optimizer"] == optimizer
    assert record["configuration"]["lr"] == 0.01


def test_smoothing_decay_and_average_are_kept_and_gone_on_with(tinynet, photographs, tmp_path):
    flags = ("--label-smoothing", 0.1, "--average", 0.9, "--optimizer", "adamw", "--weight-decay", 0.05)
    settings = ["compact-cnn", "--data", photographs, *flags, *TRAINING[:-1]]
    assert tinynet("train", *settings, 2, "--out", tmp_path / "whole")[0] == 0
    run = tmp_path / "run"
    assert tinynet("train", *settings, 1, "--out", run)[0] == 0
    record = json.loads((run / "run.json").read_text())
    kept = {name: record["configuration"][name] for name in ("label_smoothing", "average", "weight_decay")}
    assert kept == {"label_smoothing": 0.1, "average": 0.9, "weight_decay": 0.05}
    output = tinynet("evaluate", run)[1]  # of the averaged weights, and with labels as they are
    assert f"{100 * record['test']['accuracy']:.2f} %, loss {record['test']['loss']:.4f}" in output
    assert tinynet("train", "--resume", run, "--epochs", 2)[0] == 0
    whole, resumed = load(tmp_path / "whole").state_dict(), load(run).state_dict()
    assert all(np.array_equal(whole[name], resumed[name]) for name in whole)


def test_each_of_smoothing_decay_and_average_changes_what_is_learned(tinynet, photographs, tmp_path):
    settings = ["compact-cnn", "--data", photographs, "--optimizer", "adamw", *TRAINING]
    flags = [(), ("--label-smoothing", 0.3), ("--average", 0.9), ("--weight-decay", 0.5)]
    weights = []
    for number, extra in enumerate(flags):
        assert tinynet("train", *settings, *extra, "--out", tmp_path / str(number))[0] == 0
        weights.append(tuple(load(tmp_path / str(number)).state_dict()["layers.0.weight"].ravel()))
    assert len(set(weights)) == len(flags)


def test_garments_are_marked_as_synthetic_everywhere(tinynet, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, output, _ = tinynet("train", "compact-cnn", "--data", "garments", "--limit", 64, "--epochs", 1)
    (path,) = (tmp_path / "runs").iterdir()
    record = json.loads((path / "run.json").read_text())
    assert code == 0 and path.name.startswith("compact-cnn-garments-synthetic-2")
    assert record["data"]["synthetic"] and "SYNTHETIC" in output


def test_auto_without_data_says_loudly_that_garments_stand_in(tinynet, tmp_path, monkeypatch):
    def missing(*arguments):
        raise MissingDataError("Fashion-MNIST cannot be had.")

    monkeypatch.setattr("tinynet.data.sources.fashion_mnist", missing)
    code, output, error = tinynet(
        "train", "compact-cnn", "--limit", 64, "--epochs", 1, "--out", tmp_path / "run"
    )
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert code == 0 and "GARMENTS" in error and "SYNTHETIC" in output
    assert "GARMENTS" in record["warning"] and record["configuration"]["data"] == "garments"


def test_resume_equals_an_uninterrupted_run(tinynet, photographs, run, tmp_path):
    settings = ["compact-cnn", "--data", photographs, *TRAINING[:-1]]
    assert tinynet("train", *settings, 2, "--out", tmp_path / "whole")[0] == 0
    code, output, _ = tinynet("train", "--resume", run, "--epochs", 2)
    assert code == 0 and "Epoch 2/2" in output and "Epoch 1/" not in output
    whole, resumed = load(tmp_path / "whole").state_dict(), load(run).state_dict()
    assert all(np.array_equal(whole[name], resumed[name]) for name in whole)
    assert History.load(run / "history.json").column("epoch") == [1, 2]
    assert json.loads((run / "run.json").read_text())["configuration"]["epochs"] == 2


@pytest.mark.parametrize(
    ("flags", "last_rate"),
    [((), 0.0001), (("--schedule", "constant"), 0.0005), (("--schedule", "one-cycle"), 1e-8)],
)
def test_the_learning_rate_follows_the_schedule_to_its_end(tinynet, photographs, tmp_path, flags, last_rate):
    path = tmp_path / "run"
    settings = ("compact-cnn", "--data", photographs, "--resolution", SIZE, "--batch-size", 4, "--lr", 0.0005)
    assert tinynet("train", *settings, *flags, "--epochs", 1, "--out", path)[0] == 0
    state = load_state(path / "checkpoint.npz", load(path))
    record = json.loads((path / "run.json").read_text())
    schedule = choose_schedule(record["configuration"]["schedule"], 0.0005, state["steps"])
    assert state["optimizer"]["lr"] == pytest.approx(schedule(state["steps"] - 1))
    assert state["optimizer"]["lr"] <= last_rate


def test_resume_takes_flags_that_say_the_same(tinynet, photographs, run):
    code, _, error = tinynet(
        "train", "compact-cnn", "--data", photographs, "--seed", 0, "--resume", run, "--epochs", 2
    )
    assert code == 0, error


def test_evaluate_prints_accuracy_and_every_class(tinynet, finished):
    code, output, error = tinynet("evaluate", finished)
    record = json.loads((finished / "run.json").read_text())
    assert code == 0 and error == ""
    assert f"Accuracy {100 * record['test']['accuracy']:.2f} %" in output
    assert all(name in output for name in ("circle", "square", "stripe", "Recall", "Precision"))


def test_evaluate_averages_over_mirror_images(tinynet, finished, photographs):
    code, output, _ = tinynet("evaluate", finished, "--flips")
    data = image_folder(photographs / "test", SIZE)
    logits = predict_logits(load(finished), data, flips=True)
    accuracy = np.mean(logits.argmax(axis=1) == data.labels)
    assert code == 0 and "18 test images, each with its mirror image" in output
    assert f"Accuracy {100 * accuracy:.2f} %" in output


def test_evaluate_takes_a_model_file_and_data(tinynet, finished, photographs):
    code, output, _ = tinynet("evaluate", finished / "model.npz", "--data", photographs)
    assert code == 0 and "18 test images" in output


def test_predict_prints_and_draws_every_image(tinynet, run, photographs):
    images = [photographs / "test" / name / "0.png" for name in ("circle", "square")]
    code, output, _ = tinynet("predict", run, *images)
    assert code == 0 and output.count(" %") == 6
    pictures = [line.split("picture: ")[1] for line in output.splitlines() if "picture: " in line]
    assert len(set(pictures)) == 2  # both are called 0.png
    for path in pictures:
        with Image.open(path) as picture:
            assert picture.format == "PNG"


def test_predict_writes_where_it_is_told_to(tinynet, finished, photographs, tmp_path):
    image = photographs / "test" / "circle" / "0.png"
    code, _, _ = tinynet("predict", finished / "model.npz", image, "--out", tmp_path / "a" / "b")
    assert code == 0 and os.listdir(tmp_path / "a" / "b") == ["0.png"]


def test_predict_can_invert(tinynet, finished, photographs, tmp_path):
    image = photographs / "test" / "circle" / "0.png"
    plain = tinynet("predict", finished, image, "--out", tmp_path)[1]
    inverted = tinynet("predict", finished, image, "--invert", "--out", tmp_path)[1]
    assert plain.splitlines()[1] != inverted.splitlines()[1]


def test_summary_prints_the_table(tinynet):
    code, output, _ = tinynet("summary", "simple-cnn")
    assert code == 0 and "29,306,282" in output


def test_summary_takes_width_resolution_and_classes(tinynet):
    code, output, _ = tinynet("summary", "mobilenet", "--width", "0.25", "--resolution", 128, "--classes", 10)
    assert code == 0 and "(128, 128, 3)" in output and "(10,)" in output


def test_models_lists_every_network(tinynet):
    from tinynet import models

    code, output, _ = tinynet("models")
    assert code == 0 and all(name in output for name in models.names())


@pytest.mark.parametrize("flags", [["--help"], ["train", "--help"], ["--version"]])
def test_help_and_version_leave_with_zero(tinynet, flags):
    code, output, _ = tinynet(*flags)
    assert code == 0 and "tinynet" in output


def test_help_does_not_wait_for_plots_or_photographs():
    program = (
        "import sys; from tinynet.cli import main; main(['--help']);sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], stdout=subprocess.DEVNULL).returncode == 0


def test_python_dash_m_is_the_command():
    command = [sys.executable, "-m", "tinynet", "models"]
    assert "mobilenet" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_reader_that_has_seen_enough_is_no_error():
    program = f"{sys.executable} -m tinynet summary mobilenet | head -1"
    done = subprocess.run(program, shell=True, capture_output=True, text=True)
    assert done.stdout == "mobilenet\n" and done.stderr == ""


def test_a_training_that_nobody_reads_says_that_it_was_cut_and_how_to_go_on(photographs, tmp_path):
    run = tmp_path / "run"
    command = [sys.executable, "-m", "tinynet", "train", "compact-cnn", "--data", photographs, "--out", run]
    command += [*TRAINING[:-1], "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert any(line.startswith("Epoch 1/") for line in process.stdout)
        process.stdout.close()
        error = process.stderr.read()
    assert process.returncode == 2
    assert error.startswith("tinynet: error: Nobody reads the output any more: the training ended after ")
    assert error.endswith(f" To go on: tinynet train --resume {run}\n") and error.count("\n") == 1
    epochs = len(History.load(run / "history.json")) + 1
    assert main(["train", "--resume", str(run), "--epochs", str(epochs)]) == 0


@pytest.mark.parametrize("command", [["summary", "mobilenet"], ["evaluate"]])
def test_what_a_terminal_cannot_show_is_written_in_its_letters(tinynet, tmp_path, command):
    if command == ["evaluate"]:
        folder = write_photographs(tmp_path / "photographs", classes=("chat", "b\xeate", "loup"))
        command = ["evaluate", str(tmp_path / "run")]
        train = ("train", "compact-cnn", "--data", folder, "--out", tmp_path / "run", *TRAINING)
        assert tinynet(*train)[0] == 0
    done = subprocess.run(
        [sys.executable, "-m", "tinynet", *command],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and done.stderr == ""
    assert ("b\\xeate" in done.stdout) == (command[0] == "evaluate")


def test_ctrl_c_saves_and_leaves_with_130(photographs, tmp_path):
    run = tmp_path / "run"
    command = [sys.executable, "-u", "-m", "tinynet", "train", "compact-cnn", "--data", photographs]
    command += ["--out", run, *TRAINING[:-1], "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert any(line.startswith("Epoch 2/") for line in process.stdout)
        process.send_signal(signal.SIGINT)
        output, error = process.communicate()
    assert process.returncode == 130
    assert "Interrupted" in error and "Traceback" not in error
    assert f"tinynet train --resume {run}" in output
    record = json.loads((run / "run.json").read_text())
    assert record["status"] == "interrupted" and (run / "predictions.png").exists()
    assert len(History.load(run / "history.json")) >= 2


def test_predict_says_what_may_mislead(tinynet, tmp_path):
    path = tmp_path / "run"
    garments = ("compact-cnn", "--data", "garments", "--limit", 20, "--epochs", 1)
    assert tinynet("train", *garments, "--out", path)[0] == 0
    Image.new("L", (60, 40), 255).save(tmp_path / "wide.png")
    Image.new("L", (40, 40), 0).save(tmp_path / "black.png")
    output = tinynet("predict", path, tmp_path / "wide.png")[1]
    assert "only the square in the middle of its 60 x 40 pixels" in output and "try --invert" in output
    assert "--invert" not in tinynet("predict", path, tmp_path / "wide.png", "--invert")[1]
    assert "note" not in tinynet("predict", path, tmp_path / "black.png")[1]


def test_train_says_how_many_images_each_class_of_a_folder_has(tinynet, photographs, tmp_path):
    arguments = ("compact-cnn", "--data", photographs, "--out", tmp_path / "run", *TRAINING)
    assert "Training images by class: circle 6, square 6, stripe 6" in tinynet("train", *arguments)[1]


def test_a_run_that_was_stopped_while_drawing_is_completed_by_resume(tinynet, run):
    whole = json.loads((run / "run.json").read_text())
    record = {**whole, "status": "running"}
    del record["test"]
    (run / "run.json").write_text(json.dumps(record))
    (run / "confusion.png").unlink()
    assert tinynet("train", "--resume", run)[0] == 0
    completed = json.loads((run / "run.json").read_text())
    assert completed["status"] == "finished" and completed["test"] == whole["test"]
    assert (run / "confusion.png").exists()


def test_names_with_dollar_signs_are_drawn_as_they_are(tinynet, tmp_path):
    folder = write_photographs(tmp_path / "photographs", classes=("a$^$", "b$_$x"))
    arguments = ("compact-cnn", "--data", folder, "--out", tmp_path / "run", *TRAINING)
    assert tinynet("train", *arguments)[0] == 0
    assert (tmp_path / "run" / "confusion.png").exists()


def test_a_model_file_knows_which_images_were_held_out(tinynet, tmp_path):
    folder = write_photographs(tmp_path / "photographs") / "train"
    path = tmp_path / "run"
    assert tinynet("train", "compact-cnn", "--data", folder, "--seed", 7, "--out", path, *TRAINING)[0] == 0
    expected = tinynet("evaluate", path)[1].splitlines()[1]
    assert tinynet("evaluate", path / "model.npz", "--data", folder)[1].splitlines()[1] == expected


def test_too_little_memory_gets_a_sentence(tinynet, monkeypatch):
    def too_much(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr("tinynet.models.build", too_much)
    code, _, error = tinynet("summary", "simple-cnn")
    assert code == 2 and "not enough memory" in error


def test_a_network_for_one_size_of_images_is_trained_at_that_size(tinynet, photographs, tmp_path):
    code, _, error = tinynet(
        "train", "mobilenet-28", "--width", "0.25", "--data", photographs, "--out", tmp_path / "run",
        "--batch-size", "9", "--epochs", "1",
    )  # fmt: skip
    assert code == 0 and error == ""
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["data"]["image_shape"] == [28, 28, 3]
    assert record["configuration"]["options"] == {"width": 0.25, "classes": 3, "in_channels": 3}


def test_a_profile_is_printed_and_kept_and_changes_nothing(tinynet, finished, photographs, tmp_path):
    code, output, error = tinynet(
        "train", "compact-cnn", "--data", photographs, "--out", tmp_path / "run", *TRAINING,
        "--epochs", "6", "--profile",
    )  # fmt: skip
    assert code == 0 and error == ""
    assert "forward ms" in output and "Adam" in output and "The limit with" in output
    histories = [History.load(folder / "history.json") for folder in (tmp_path / "run", finished)]
    assert histories[0][0]["loss"] == histories[1][0]["loss"]
    profile = json.loads((tmp_path / "run" / "profile.json").read_text())
    assert profile["steps"] > 0 and {row["operation"] for row in profile["rows"]} >= {"Adam", "batches"}


def test_augmentation_is_recorded_and_kept_when_a_run_goes_on(tinynet, photographs, tmp_path):
    path = tmp_path / "run"
    command = ["train", "compact-cnn", "--data", photographs, "--out", path, *TRAINING]
    code, _, error = tinynet(*command, "--augment", "flip:0.5, crop:2")
    assert (code, error.count("error")) == (0, 0)
    assert tinynet("train", "--resume", path, "--epochs", 2, "--augment", "flip,crop:2")[0] == 0
    record = json.loads((path / "run.json").read_text())
    assert record["configuration"]["augment"] == "flip,crop:2"
    code, _, error = tinynet("train", "--resume", path, "--epochs", 3, "--augment", "flip")
    assert code == 2 and "--augment flip cannot be combined with --resume" in error
