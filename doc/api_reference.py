"""The one table that the API page is made from: the modules; their ``__all__`` is the list of public names."""

import importlib
from pathlib import Path

API_REFERENCE = {
    "skperturb.sbml": "An SBML file becomes numbers",
    "skperturb.networks": "A Jacobian becomes a perturbation pattern",
    "skperturb.interactions": "Known pairs become new pairs",
    "skperturb.responses": "Perturbed genes become log-fold changes",
    "skperturb.metrics": "Scores and scorers",
    "skperturb.model_selection": "Splitters and negative samplers",
    "skperturb.datasets": "Embedded, simulated and fetched data",
    "skperturb.plotting": "Displays",
    "skperturb.persistence": "Fitted models as files without code",
    "skperturb.report": "One page about a user's files",
    "skperturb.callbacks": "Callbacks for long fits",
    "skperturb.exceptions": "Errors and warnings",
    "skperturb.testing": "The estimator contract",
}


def public_names(module: str) -> list[str]:
    """Return the public names of a module, sorted."""
    return sorted(importlib.import_module(module).__all__)


def write_pages(target: Path) -> None:
    """Write the API page."""
    lines = ["API reference", "=============", ""]
    for module, title in API_REFERENCE.items():
        heading = f"{module}: {title}"
        lines += [heading, "-" * len(heading), "", f".. module:: {module}", "", ".. autosummary::"]
        lines += ["   :toctree: api", "", *(f"   {name}" for name in public_names(module)), ""]
    text = "\n".join(lines)
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")
