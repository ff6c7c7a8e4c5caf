"""The images that most tests of training use."""

import pytest

from .problem import stripes


@pytest.fixture
def train():
    return stripes(100, seed=1)


@pytest.fixture
def test():
    return stripes(40, seed=2)
