"""`tinynet reproduce`: it trains, measures, compares, keeps the record, stops and goes on."""

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import SIZE, write_photographs
from tinynet import train
from tinynet.cli import main
from tinynet.commands import session as sessions
from tinynet.data import image_folder
from tinynet.recipes import RECIPES
from tinynet.train import History, load

from .conftest import TINY

SETTINGS = dict(TINY.settings)


def recorded(clone):
    return {path.name: json.loads(path.read_text()) for path in (clone / "results").glob("*.json")}


def test_without_a_name_it_lists_the_recipes(reproduce):
    code, output, error = reproduce()
    assert code == 0 and error == ""
    assert all(name in output for name in RECIPES)
    assert "training accuracy 93.00 %, training loss 0.1790" in output and "not measured yet" in output


def test_all_seeds_are_trained_recorded_and_compared(reproduce, recipe, clone):
    recipe()
    code, output, error = reproduce("tiny")
    assert code == 0 and error == ""
    kept = recorded(clone)
    assert sorted(kept) == [f"tiny-shapes-seed-{seed}.json" for seed in (0, 1, 2)]
    record = kept["tiny-shapes-seed-1.json"]
    assert record["command"] == "tinynet reproduce tiny --seed 1" and record["seed"] == 1
    assert record["configuration"]["data"] == "shapes" and str(clone.parent) not in json.dumps(record)
    assert record["parameters"] > 0 and len(record["history"]) == 2 and record["machine"]["processor"]
    assert json.loads(Path("runs/reproduce/tiny/seed-1/record.json").read_text()) == record
    accuracies = sorted(each["test"]["accuracy"] for each in kept.values())
    output = " ".join(output.split())
    assert f"test accuracy {100 * accuracies[1]:.2f} %" in output
    assert "required: 1.00 % or more, reached" in output
    assert "required: 0.0100 or less, NOT reached" in output
    assert "aim: 2.00 % or more" in output and "Medians over the seeds 0, 1, 2" in output
    assert "2 epochs of 1,000 images would take" in output
    assert output.count("One prediction: the first test image, of class circle, is called") == 1
    assert "`tinynet reproduce tiny`" in (clone / "README.md").read_text()
    assert (clone / "README.md").read_text().startswith("before\n<!-- results -->\n| command |")


def test_the_recorded_figures_are_those_of_the_saved_network(reproduce, recipe, clone, data):
    recipe()
    assert reproduce("tiny", "--seed", 2)[0] == 0
    (record,) = recorded(clone).values()
    model = load("runs/reproduce/tiny/seed-2")
    test = image_folder(data / "shapes" / "test", SIZE)
    for flips, kept in ((False, record["test"]), (True, record["flipped"])):
        logits = train.predict_logits(model, test, flips=flips)
        assert kept["accuracy"] == np.mean(logits.argmax(axis=1) == test.labels) and kept["images"] == 18
    assert record["flipped"]["loss"] != record["test"]["loss"]


def test_a_recipe_trains_as_tinynet_train_with_its_settings(reproduce, recipe, data, tmp_path):
    tiny = recipe()
    assert reproduce("tiny", "--seed", 1)[0] == 0
    flags = []
    for name, value in tiny.settings.items():
        if name not in ("model", "data"):
            flags += ["--" + name.replace("_", "-"), str(value)]
    out = str(tmp_path / "plain")
    flags += ["--data", str(data / "shapes"), "--seed", "1", "--out", out]
    assert main(["train", "compact-cnn", *flags]) == 0
    ours, plain = load("runs/reproduce/tiny/seed-1").state_dict(), load(out).state_dict()
    assert all(np.array_equal(ours[name], plain[name]) for name in plain)


def test_quick_trains_little_and_keeps_nothing(reproduce, recipe, clone):
    recipe()
    before = (clone / "README.md").read_text()
    code, output, _ = reproduce("tiny", "--quick", "--seed", 0)
    assert code == 0 and "These figures mean nothing" in output
    assert len(History.load("runs/reproduce/tiny-quick/seed-0/history.json")) == 1
    assert not (clone / "results").exists() and (clone / "README.md").read_text() == before


def test_an_installed_package_keeps_the_record_in_the_run_folder_alone(reproduce, recipe, clone):
    recipe()
    shutil.rmtree(clone / ".git")
    code, output, _ = reproduce("tiny", "--seed", 0, "--out", "here")
    assert code == 0 and "Table" not in output and not (clone / "results").exists()
    assert json.loads(Path("here/seed-0/record.json").read_text())["recipe"] == "tiny"


def test_photographs_of_ones_own_are_recorded_under_their_name(reproduce, recipe, clone, tmp_path):
    recipe()
    write_photographs(tmp_path / "mine", classes=("this", "that"))
    assert reproduce("tiny", "--seed", 0, "--data", tmp_path / "mine", "--epochs", 1)[0] == 0
    assert list(recorded(clone)) == ["tiny-mine-seed-0.json"]
    readme = (clone / "README.md").read_text()
    assert "| `tinynet reproduce tiny --data mine --epochs 1`<br>" in readme
    assert "Here: mine, 12 training images" in readme


def test_the_command_in_a_record_gives_its_figures(reproduce, recipe, clone, tmp_path, monkeypatch):
    recipe(settings={**SETTINGS, "epochs": 50})
    write_photographs(tmp_path / "mine")
    (tmp_path / "mine" / "test" / "circle" / "0.png").write_bytes(b"damaged")
    monkeypatch.chdir(tmp_path)
    assert reproduce("tiny", "--seed", 0, "--data", "mine", "--minutes", 0.0001)[0] == 2
    code, _, error = reproduce(
        "tiny", "--seed", 0, "--data", tmp_path / "mine", "--minutes", 0.0001, "--skip-bad"
    )
    assert code == 0 and "Skipped 1 of 18 files" in error
    (record,) = recorded(clone).values()
    assert record["command"] == "tinynet reproduce tiny --data mine --epochs 1 --skip-bad --seed 0"
    assert reproduce(*record["command"].split()[2:], "--out", "again")[0] == 0
    (again,) = recorded(clone).values()
    for name in ("command", "test", "flipped"):
        assert record[name] == again[name]


# Stopping and going on


def test_ctrl_c_and_resume_end_with_the_same_network(reproduce, recipe, clone, monkeypatch):
    recipe(seeds=(0, 1))
    assert reproduce("tiny", "--out", "whole")[0] == 0
    whole = load("whole/seed-1").state_dict()
    shutil.rmtree(clone / "results")
    steps = iter(range(100))
    step = train.Trainer._step

    def pressing_ctrl_c(self, *arguments):
        if next(steps) == 7:  # in the first epoch of the second seed
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, *arguments)

    monkeypatch.setattr(train.Trainer, "_step", pressing_ctrl_c)
    code, output, _ = reproduce("tiny", "--out", "parts")
    assert code == 130
    assert "Interrupted. To go on: tinynet reproduce tiny --resume --out parts" in output
    assert list(recorded(clone)) == ["tiny-shapes-seed-0.json"]
    monkeypatch.setattr(train.Trainer, "_step", step)
    code, output, _ = reproduce("tiny", "--resume", "--out", "parts")
    assert code == 0 and len(recorded(clone)) == 2 and "Medians over the seeds 0, 1" in output
    parts = load("parts/seed-1").state_dict()
    assert all(np.array_equal(whole[name], parts[name]) for name in whole)


def test_minutes_end_the_training_before_the_epoch_that_would_not_fit(reproduce, recipe, clone):
    recipe(settings={**SETTINGS, "epochs": 50})
    code, output, _ = reproduce("tiny", "--seed", 0, "--minutes", 0.0001)
    (record,) = recorded(clone).values()
    assert code == 0 and len(record["history"]) == 1 and "50 epochs of 1,000 images" in output
    code, _, _ = reproduce("tiny", "--seed", 0, "--minutes", 0.0001, "--resume")
    (record,) = recorded(clone).values()
    assert code == 0 and len(record["history"]) == 2


def test_a_sprint_ends_at_its_target_and_is_judged_by_its_seconds(reproduce, recipe, clone):
    settings = {**SETTINGS, "epochs": 3}
    sprint = {"required": {"seconds": 30}, "published": {}, "aimed": {}, "flips": False, "full_size": None}
    recipe(target=0.01, settings=settings, **sprint)
    code, output, _ = reproduce("tiny", "--seed", 0)
    (record,) = recorded(clone).values()
    assert code == 0 and len(record["history"]) == 1
    assert f"{record['training_seconds']:.1f}  required: 30.0 or less, reached" in output
    code, output, _ = reproduce("tiny", "--seed", 0, "--resume")
    assert code == 0 and "Epoch" not in output  # nothing is left to do
    recipe(target=1.1, settings=settings, **sprint)
    code, output, _ = reproduce("tiny", "--seed", 1)
    assert code == 0 and "never  required: 30.0 or less, NOT reached" in output


def test_warming_up_changes_nothing_of_the_training(data, tmp_path):
    networks = []
    for warm in (False, True):
        settings = {**SETTINGS, "data": str(data / "shapes"), "augment": "flip"}
        session = sessions.begin(settings, tmp_path / str(warm), progress=False)
        if warm:
            session.warm_up()
        session.train(quiet=True)
        networks.append(session.trainer.model.state_dict())
    assert all(np.array_equal(networks[0][name], networks[1][name]) for name in networks[0])


def test_ctrl_c_while_warming_up_ends_the_command(reproduce, recipe, clone, monkeypatch):
    recipe(target=0.01, full_size=None, flips=False, aimed={}, published={}, required={"seconds": 30})
    step, steps = train.Trainer._step, []

    def pressing_ctrl_c(self, *arguments):
        steps.append(self)
        os.kill(os.getpid(), signal.SIGINT)
        return step(self, *arguments)

    with monkeypatch.context() as pressed:
        pressed.setattr(train.Trainer, "_step", pressing_ctrl_c)
        code, output, _ = reproduce("tiny", "--seed", 0)
    assert code == 130 and "To go on: tinynet reproduce tiny --resume --seed 0" in output
    assert len(steps) == 1 and not (clone / "results").exists()
    assert reproduce("tiny", "--seed", 0, "--resume")[0] == 0 and len(recorded(clone)) == 1


# What is refused


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sprnt"], "no recipe called 'sprnt'"),
        (["separable-cnn", "--data", "photos"], "--data does not apply to separable-cnn"),
        (["sprint", "--skip-bad"], "--skip-bad does not apply to sprint"),
        (["sprint", "--epochs", "1"], "--epochs does not apply to sprint"),
        (["separable-cnn-binary", "--minutes", "1"], "--minutes does not apply to separable-cnn-binary"),
        (["mobilenet-animals"], "found none in"),
        (["mobilenet-animals", "--data", "nowhere"], "nowhere"),
        (["tiny", "--seed", "-1"], "argument --seed: expects a whole number of 0 or more"),
        (["tiny", "--minutes", "0"], "argument --minutes: expects a number above 0"),
    ],
)
def test_a_sentence_and_exit_code_2(reproduce, recipe, arguments, sentence):
    recipe()
    code, _, error = reproduce(*arguments)
    assert code == 2 and error.startswith("tinynet: error: ") and error.count("\n") == 1
    assert sentence in error


def test_a_folder_of_another_recipe_or_of_other_settings_is_refused(reproduce, recipe):
    recipe()
    assert reproduce("tiny", "--seed", 0, "--out", "runs")[0] == 0
    code, _, error = reproduce("tiny", "--seed", 0, "--out", "runs")
    assert code == 2 and "already holds a run" in error and "--resume" in error
    recipe(settings={**SETTINGS, "lr": 0.5})
    code, _, error = reproduce("tiny", "--seed", 0, "--out", "runs", "--resume")
    assert code == 2 and "has lr=0.001, this recipe 0.5" in error


def test_the_table_is_written_in_a_clone_only(reproduce, clone):
    assert reproduce("--table")[0] == 0
    assert "not measured yet" in (clone / "README.md").read_text()
    shutil.rmtree(clone / ".git")
    code, _, error = reproduce("--table")
    assert code == 2 and "clone of the project" in error


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "x.json is damaged"),
        ("[]", "x.json is no record"),
        ('{"recipe": "tiny"}', "x.json is no record"),
    ],
)
def test_a_damaged_record_is_named(reproduce, clone, content, sentence):
    (clone / "results").mkdir()
    (clone / "results" / "x.json").write_text(content)
    code, _, error = reproduce("--table")
    assert code == 2 and sentence in error
