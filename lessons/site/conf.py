"""Sphinx's configuration: everything a page needs is on the site, so that it reads without a network."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lessons.site import docstrings  # noqa: E402
from lessons.site.source_pages import linkcode_resolve  # noqa: E402, F401

project = "tinynet"
author = "tinynet"
copyright = "the authors of tinynet, MIT licence"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.linkcode",
    "sphinx.ext.mathjax",
    "lessons.site.source_pages",
]
exclude_patterns = ["downloads"]

# The lessons are executed; one that raises ends the build.
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 900
nb_merge_streams = True
nb_render_markdown_format = "commonmark"
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "attrs_block"]
myst_heading_anchors = 4

# The API reference, from docstrings in plain text.
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
add_module_names = False

html_theme = "sphinx_book_theme"
html_title = "tinynet"
html_static_path = ["static"]
html_css_files = ["site.css", "figures/figures.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_last_updated_fmt = None
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "navbar_persistent": [],
    "show_toc_level": 2,
    "show_navbar_depth": 1,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
specification = importlib.util.find_spec("sphinx-mathjax-offline")
assert specification is not None and specification.origin is not None
html_static_path.append(str(Path(specification.origin).parent / "static" / "mathjax" / "tex-svg-full.js"))
mathjax_path = "tex-svg-full.js"
mathjax3_config = {"svg": {"fontCache": "global"}, "tex": {"tags": "none"}}


def setup(app):
    """Let docstrings become reStructuredText, and find what `assemble` made for the figures."""

    def convert(app, what, name, thing, options, lines):
        lines[:] = docstrings.to_rst(lines)

    def add_static(app, config):
        config.html_static_path.append(str(app.srcdir / "static"))

    app.connect("autodoc-process-docstring", convert)
    app.connect("config-inited", add_static)
