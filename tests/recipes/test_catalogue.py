"""The recipes are those that were asked for, and the committed records and the README are theirs."""

import json
from pathlib import Path

import pytest

from tinynet.commands import building
from tinynet.commands.settings import DEFAULTS
from tinynet.errors import InputError
from tinynet.recipes import RECIPES, get, records, table
from tinynet.recipes.recipe import MEASURES

ROOT = Path(__file__).parent.parent.parent
PUBLISHED = {
    "separable-cnn": (
        {"training_accuracy": 0.93, "training_loss": 0.1790, "test_accuracy": 0.90, "test_loss": 0.2968},
        {"test_accuracy": 0.90, "test_loss": 0.2968},
    ),
    "simple-cnn": ({"test_accuracy": 0.8994}, {"test_accuracy": 0.8994}),
    "compact-cnn": (
        {"training_accuracy": 0.92, "test_accuracy": 0.88},
        {"training_accuracy": 0.92, "test_accuracy": 0.90, "parameters": 35_000},
    ),
    "separable-cnn-binary": (
        {"training_accuracy": 0.83, "training_loss": 0.3670, "test_accuracy": 0.78, "test_loss": 0.4610},
        {"test_accuracy": 0.80, "test_loss": 0.4610},
    ),
    "mobilenet-animals": ({"training_accuracy": 0.9845, "test_accuracy": 0.7555}, {}),
    "mobilenet-28": (
        {"test_accuracy": 0.95},
        {"flipped_accuracy": 0.946, "parameters": 350_000, "minutes": 60},
    ),
    "sprint": ({}, {"seconds": 30}),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_recipe_holds_the_published_and_the_required_figures(name):
    recipe = RECIPES[name]
    assert (dict(recipe.published), dict(recipe.required)) == PUBLISHED[name]
    assert set(recipe.aimed) <= set(MEASURES)


def test_there_are_no_other_recipes():
    assert list(RECIPES) == list(PUBLISHED)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_a_recipe_is_made_of_settings_of_tinynet_train(recipe):
    settings = {**DEFAULTS, **recipe.settings}
    assert set(settings) == set(DEFAULTS)
    network = {name: settings[name] for name in ("width", "resolution", "stem_stride")}
    building.build_network(settings["model"], network)
    building.check_weight_decay(settings["optimizer"], settings["weight_decay"])
    assert settings["data"] == "fashion-mnist" or recipe.photographs


def test_the_published_circumstances_are_kept():
    settings = {name: {**DEFAULTS, **recipe.settings} for name, recipe in RECIPES.items()}
    assert settings["separable-cnn"]["epochs"] == 10 and len(RECIPES["separable-cnn"].seeds) == 3
    assert settings["simple-cnn"]["limit"] == 20_000
    assert settings["compact-cnn"]["epochs"] == 20 and settings["compact-cnn"]["optimizer"] == "adam"
    assert settings["separable-cnn-binary"]["epochs"] == 25 and RECIPES["separable-cnn-binary"].prediction
    animals = settings["mobilenet-animals"]
    assert (animals["optimizer"], animals["lr"], animals["batch_size"]) == ("rmsprop", 0.002, 128)
    assert (animals["epochs"], animals["resolution"], animals["width"]) == (50, 128, 1.0)
    assert RECIPES["mobilenet-animals"].full_size == 26_180
    assert RECIPES["sprint"].target == 0.90 and len(RECIPES["sprint"].seeds) == 5
    assert RECIPES["mobilenet-28"].aimed == {"flipped_accuracy": 0.95}
    assert RECIPES["sprint"].aimed == {"seconds": 15}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_a_training_that_time_may_end_is_repeated_by_its_number_of_epochs(recipe):
    assert not recipe.full_size or recipe.settings["schedule"] == "constant"


def test_an_unknown_recipe_lists_what_there_is():
    with pytest.raises(InputError, match="no recipe called 'sprnt'; there are separable-cnn, .*'sprint'"):
        get("sprnt")


def test_the_table_of_the_readme_is_that_of_the_records():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"<!-- results -->\n{table.markdown(ROOT)}<!-- end of results -->" in readme, (
        "run tinynet reproduce --table"
    )


@pytest.mark.parametrize("path", sorted((ROOT / "results").glob("*.json")), ids=lambda path: path.stem)
def test_a_committed_record_is_of_a_recipe_as_it_is_now(path):
    record = json.loads(path.read_text(encoding="utf-8"))
    recipe = RECIPES[record["recipe"]]
    free = {"lr", "data", "epochs", "skip_bad"} if recipe.photographs else {"lr", "data"}
    wanted = {name: value for name, value in {**DEFAULTS, **recipe.settings}.items() if name not in free}
    kept = {name: record["configuration"][name] for name in wanted}
    assert kept == {**wanted, "seed": record["seed"]}, "the recipe was changed since: run it again"
    assert record["configuration"]["lr"] == recipe.settings.get("lr", record["configuration"]["lr"])
    assert record["seed"] in recipe.seeds
    assert path.stem == records.stem(record)
    assert "/" not in str(record["configuration"]["data"]) and "source" not in record["data"]
    assert path.stat().st_size < 40_000


def test_the_table_says_what_is_not_reached():
    kept = [record for record in records.load_all(ROOT) if record["recipe"] == "compact-cnn"]
    good = table._row(RECIPES["compact-cnn"], kept)
    missed = [{**kept[0], "test": {**kept[0]["test"], "accuracy": 0.8999}}]
    assert "not reached" not in good
    assert "test accuracy 90.00 % or more: **not reached**" in table._row(RECIPES["compact-cnn"], missed)
