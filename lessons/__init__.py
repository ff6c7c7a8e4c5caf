"""The lessons: `python -m lessons check NN` checks exercises, `python -m lessons build` makes the site."""
