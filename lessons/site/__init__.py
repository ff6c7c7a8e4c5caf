"""The site: `build.py` makes it, from pages that `assemble.py` writes and Sphinx renders by `conf.py`."""
