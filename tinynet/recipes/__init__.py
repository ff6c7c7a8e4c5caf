"""Published small systems as recipes: what to train and how, what was published, what has to be reached.

    tinynet reproduce                   # the list, with the published figures and ours
    tinynet reproduce separable-cnn     # train, measure, compare

A recipe is data (`catalogue.py`); `tinynet reproduce` trains it as `tinynet train` would with the same
settings. `records.py` keeps what came out, `table.py` sets it beside what was published.
"""

from .catalogue import RECIPES, get
from .recipe import Recipe

__all__ = ["RECIPES", "Recipe", "get"]
