"""Measurements of tinynet, kept apart from the package: what they produce is committed beside them."""
