"""The commands of `tinynet`, one module each; `cli.py` finds out which one is meant."""
