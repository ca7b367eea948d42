"""Textbook models, shipped as equations and compiled to SBML on first use."""

import functools
import importlib
from typing import Literal, overload

from sklearn.utils import Bunch

from skperturb.datasets._reaction_model import ReactionModel, write_sbml

__all__ = ["load_textbook_models", "textbook_models"]

_MODULES = (
    "gene_circuits",
    "metabolism",
    "kinase_cascades",
    "receptor_signaling",
    "cell_cycle_calcium",
    "populations",
)

# Species from which on the description, in the same words, calls a model large.
_LARGE = 10

_DESCR = """\
Textbook models of systems biology
==================================

{n_models} kinetic models, {n_large} of them with at least ten species, written as SBML Level 3 Version 2
from their published equations. `references` gives the publication of each model; where rate constants are
not the published ones, or the equations are simplified, the notes of the SBML text say so. The models were
chosen, and their constants set, so that all but two (lotka_volterra, selkov_glycolysis) reach a stable
steady state from their initial state. Concentrations and time are in the units of the publication.

"""


@functools.cache
def textbook_models() -> tuple[ReactionModel, ...]:
    """Return the textbook models in the package's own notation.

    Returns
    -------
    models : tuple of ReactionModel
        All models, field by field.
    """
    modules = (importlib.import_module(f"skperturb.datasets._textbook.{name}") for name in _MODULES)
    return tuple(model for module in modules for model in module.MODELS)


@functools.cache
def _textbook_sbml() -> tuple[str, ...]:
    return tuple(map(write_sbml, textbook_models()))


@overload
def load_textbook_models(*, return_X_y: Literal[False] = False) -> Bunch: ...
@overload
def load_textbook_models(*, return_X_y: Literal[True]) -> tuple[list[str], list[str]]: ...
def load_textbook_models(*, return_X_y: bool = False) -> Bunch | tuple[list[str], list[str]]:
    """Load textbook models of systems biology as SBML.

    The models are written from the published equations of gene circuits, metabolism, signaling, the cell
    cycle, calcium, circadian clocks and populations. Nothing is downloaded.

    Parameters
    ----------
    return_X_y : bool, default=False
        If True, return ``(data, names)`` instead of the bunch.

    Returns
    -------
    models : sklearn.utils.Bunch
        ``data`` (list of str: SBML texts), ``names`` (list of str: unique), ``references`` (list of str),
        ``notes`` (list of str: what differs from the publication), ``n_species`` (list of int: species
        that change) and ``DESCR``.
    (data, names) : tuple of two lists of str
        If `return_X_y` is True.

    See Also
    --------
    make_biochemical_models : Random models of any size.
    fetch_biomodels : Published models as their authors wrote them.

    Notes
    -----
    All but two models (``lotka_volterra`` and ``selkov_glycolysis``, which oscillate) reach a stable steady
    state from their initial state; where that needed other rate constants than the published ones, the
    model's notes say so.

    Examples
    --------
    >>> from skperturb.datasets import load_textbook_models
    >>> models = load_textbook_models()
    >>> models.names[0], models.n_species[0]
    ('toggle_switch', 2)
    >>> models.references[0][:30]
    'Gardner, T. S., Cantor, C. R. '
    """
    models, data = textbook_models(), list(_textbook_sbml())
    names = [model.name for model in models]
    if return_X_y:
        return data, names
    n_species = [model.n_species for model in models]
    return Bunch(
        data=data,
        names=names,
        references=[model.reference for model in models],
        notes=[model.note for model in models],
        n_species=n_species,
        DESCR=_DESCR.format(n_models=len(models), n_large=sum(n >= _LARGE for n in n_species))
        + "\n".join(f"{model.name}\n    {model.reference}" for model in models),
    )
