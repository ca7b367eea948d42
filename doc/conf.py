"""Sphinx configuration."""

import importlib.util
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import api_reference
import readme_results

import skperturb

project = "skperturb"
copyright = "2026, The skperturb developers"
version = release = skperturb.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
toc_object_entries_show_parents = "hide"  # "fit", not "GNEEmbedder.fit", which the sidebar would cut
nitpicky = True  # a reference that leads nowhere is a warning, and so an error
templates_path = ["_templates"]

html_theme = "pydata_sphinx_theme"
html_title = "skperturb"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_theme_options = {
    "header_links_before_dropdown": 6,  # as many as the toctree of index.rst has, none behind "More"
    "show_nav_level": 1,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "back_to_top_button": False,
}
html_sidebars = {"index": [], "search": [], "genindex": [], "py-modindex": []}  # they have no section to show

# The pages need no network to be read: the copy of MathJax that the extra "doc" installs goes with them, one file.
# Where it is missing, Sphinx's own address of MathJax is used.
if mathjax := importlib.util.find_spec("mathjax"):
    folder = Path(mathjax.submodule_search_locations[0]) / "static" / "mathjax" / "es5"
    html_static_path.append(str(folder / "tex-svg-full.js"))
    mathjax_path = "tex-svg-full.js"

autosummary_generate = True
default_role = "autolink"  # `Name` becomes a link where it names something of ours
autodoc_typehints = "none"  # the docstrings say the types, and shapes and units with them
numpydoc_show_class_members = False

# Links to other projects need the network when the pages are built, so they are asked for.
if os.environ.get("SKPERTURB_INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "pandas": ("https://pandas.pydata.org/docs", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "skorch": ("https://skorch.readthedocs.io/en/stable", None),
        "anndata": ("https://anndata.readthedocs.io/en/stable", None),
    }
else:
    nitpick_ignore_regex = [(r"py:.*", r"(?!skperturb).*")]

sphinx_gallery_conf = {
    "reset_modules": ("matplotlib", "seaborn", "gallery_order.gallery_style"),
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": "/plot_",
    "thumbnail_size": (640, 448),
    "within_subsection_order": "gallery_order.reading_order",
    "doc_module": ("skperturb",),
    "backreferences_dir": "gallery_backreferences",
    "prefer_full_module": {r"skperturb\."},
    "capture_repr": ("_repr_html_",),  # tables and diagrams; not "<… object at 0x…>" of what a line happens to return
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": 3600,  # seconds of the machine that built the pages say nothing to a reader
    "remove_config_comments": True,
}


def skip_inherited_from_sklearn(app, what, name, obj, skip, options):
    """Leave out what every scikit-learn estimator has: it is documented there, with labels that only exist there."""
    inherited = (getattr(obj, "__module__", None) or "").startswith("sklearn.")
    return True if inherited or (name.startswith("set_") and name.endswith("_request")) else None


def setup(app):
    app.connect("autodoc-skip-member", skip_inherited_from_sklearn)


api_reference.write_pages(Path(__file__).parent / "api.rst")
readme_results.write_results(Path(__file__).parents[1] / "README.md", Path(__file__).parent / "readme_results.inc")
