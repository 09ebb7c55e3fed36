"""The documentation as a site: `make docs` builds it into build/docs/, and a warning is an error."""

import inspect
from importlib.metadata import version as _version
from typing import Any

from amaranth.lib import wiring

project = "Backspike"
author = "the authors of Backspike"
release = version = _version("backspike")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["**/*.dot", "notebooks", "sg_execution_times.rst", "notebooks_run/sg_execution_times.rst"]
# What stands between single backquotes in a docstring is a name.
default_role = "code"

# Pages link to each other's headings, as people write such links.
myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Members", "params_style"), ("Yields", "returns_style"), ("Warns", "returns_style")]

# The notebooks are run each time, whatever was there: what they show is what the code does now.
sphinx_gallery_conf = {
    "examples_dirs": "notebooks",
    "gallery_dirs": "notebooks_run",
    "filename_pattern": r"plot_\d",
    "run_stale_examples": True,
    "abort_on_example_error": True,
    "within_subsection_order": "FileNameSortKey",
    "show_memory": False,
    "remove_config_comments": True,
    "show_signature": False,
    "download_all_examples": False,
}

html_theme = "furo"
html_title = f"Backspike {release}"
html_static_path: list[str] = []
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}


def _own_signature(app: Any, what: str, name: str, thing: Any, options: Any, signature: str, returned: str) -> Any:
    """Show a component's own parameters, not those of the metaclass that Amaranth makes it with."""
    if what != "class" or not issubclass(thing, wiring.Component):
        return signature, returned
    parameters = [*inspect.signature(thing.__init__).parameters.values()][1:]
    return str(inspect.Signature(parameters)).replace("'", ""), returned


def setup(app: Any) -> None:
    """Have Sphinx call what is above."""
    app.connect("autodoc-process-signature", _own_signature)
