"""A headless Chromium for the figures that move, through playwright.

Where one of them is missing, the tests that need it are skipped and say so.
"""

from __future__ import annotations

import importlib.util
import shutil

import pytest

from lessons import shelf

SCRIPTS = shelf.FOLDER / "site" / "static" / "figures"
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser():
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("playwright is not installed: the JavaScript of the figures is not tested")
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        for path in (None, *filter(None, map(shutil.which, BROWSERS))):
            try:
                started = playwright.chromium.launch(executable_path=path)
            except Error:
                continue
            yield started
            started.close()
            return
        pytest.skip("there is no Chromium: the JavaScript of the figures is not tested")


@pytest.fixture
def page(browser):
    """An empty page; a test that makes an error appear in its console fails."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    yield page
    context.close()
    assert not errors


@pytest.fixture
def load(page):
    """A function that loads scripts of the figures, after `data`, a script of its own."""

    def scripts(*names, root="", data=""):
        page.set_content(f'<div id="{root}" class="moving-figure"></div>')
        page.add_style_tag(path=SCRIPTS / "figures.css")
        if data:
            page.add_script_tag(content=data)
        for name in names:
            page.add_script_tag(path=SCRIPTS / f"{name}.js")
        return page

    return scripts
