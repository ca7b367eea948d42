"""The transformer from SBML models to a table of their responses to interventions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skperturb._sklearn import N_JOBS, StrOptions, fit_context
from skperturb._validation import as_sequence
from skperturb.base import BaseEstimator
from skperturb.sbml.interventions import Intervention, perturb
from skperturb.sbml.model import KineticModel

__all__ = ["InterventionTransformer"]

_EXPECTED = (
    "a sequence (list, tuple, 1-D object array, Series) of SBML sources (paths, SBML texts) or KineticModel objects"
)


class InterventionTransformer(TransformerMixin, BaseEstimator):
    """Turn SBML models into a table of their steady responses to interventions, one row per model.

    Parameters
    ----------
    interventions : sequence of Intervention, default=()
        What is done to each model; at least one.
    species : sequence of str, default=()
        At least one: whose responses are wanted: variables or species under assignment rules that every model has.
    quantity : {"log2_fold_change", "value"}, default="log2_fold_change"
        What a response is, see `perturb`.
    on_error : {"raise", "nan"}, default="raise"
        What to do with a model that cannot be read or has no such id: raise its error with its index, or make its row
        NaN. A steady state that does not exist is NaN in either case.
    n_jobs : int, default=None
        Number of parallel jobs, as in joblib. It changes no result.
    verbose : int, default=0
        Show a progress bar over the models when positive.

    Attributes
    ----------
    n_features_out_ : int
        Number of columns.

    See Also
    --------
    perturb : One model, with the status of each response.

    Examples
    --------
    >>> from skperturb.datasets import load_textbook_models
    >>> from skperturb.sbml import Intervention, InterventionTransformer, KineticModel
    >>> model = KineticModel.from_sbml(load_textbook_models().data[0])
    >>> name = model.variables[0]
    >>> transformer = InterventionTransformer([Intervention(scale={name: 1.0})], species=[name])
    >>> transformer.fit_transform([model, model]).shape
    (2, 1)
    """

    _parameter_constraints: dict = {  # noqa: RUF012  the name and the form are scikit-learn's
        "interventions": ["array-like"],
        "species": ["array-like"],
        "quantity": [StrOptions({"log2_fold_change", "value"})],
        "on_error": [StrOptions({"raise", "nan"})],
        "n_jobs": N_JOBS,
        "verbose": [int],
    }

    def __init__(
        self,
        interventions: Sequence[Intervention] = (),
        species: Sequence[str] = (),
        quantity: str = "log2_fold_change",
        on_error: str = "raise",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.interventions = interventions
        self.species = species
        self.quantity = quantity
        self.on_error = on_error
        self.n_jobs = n_jobs
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> InterventionTransformer:
        """Validate the parameters and `X`; nothing is learned.

        Parameters
        ----------
        X : sequence of str, pathlib.Path or KineticModel
            SBML sources or models.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : InterventionTransformer
            This transformer.
        """
        _sources(X)
        self._check_wanted()
        self.n_features_out_ = len(self.get_feature_names_out())
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Compute the responses of each model.

        Parameters
        ----------
        X : sequence of str, pathlib.Path or KineticModel
            SBML sources (a path, or the text of a file) or models.

        Returns
        -------
        responses : ndarray of shape (n_models, n_interventions * n_species)
            All species for the first intervention, then for the next ones; NaN where no steady state is reached.

        Raises
        ------
        ValueError
            If a model yields no row and `on_error` is "raise"; the message begins with its index.
        """
        from tqdm import tqdm

        check_is_fitted(self)
        row = partial(_row, list(self.interventions), list(self.species), self.quantity)
        sources = tqdm(_sources(X), disable=None if self.verbose else True, desc="models", unit="model")
        rows = Parallel(n_jobs=self.n_jobs)(delayed(row)(source) for source in sources)
        for index, result in enumerate(rows):
            if isinstance(result, Exception) and self.on_error == "raise":
                raise ValueError(f"X[{index}]: {type(result).__name__}: {result}") from result
        nothing = np.full(self.n_features_out_, np.nan)
        filled = [nothing if isinstance(result, Exception) else result for result in rows]
        return np.array(filled, dtype=float).reshape(len(filled), self.n_features_out_)

    def _check_wanted(self) -> None:
        for index, intervention in enumerate(self.interventions):
            if not isinstance(intervention, Intervention):
                found = type(intervention).__name__
                raise TypeError(f"interventions[{index}] is a {found}; expected an Intervention.")
        if not len(self.interventions) or not len(self.species):
            raise ValueError("interventions or species is empty; expected at least one of each.")

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns, ``"intervention: species"``.

        Parameters
        ----------
        input_features : object, default=None
            Ignored.

        Returns
        -------
        names : ndarray of str objects
            Names of the columns.
        """
        labels = [intervention.label for intervention in self.interventions]
        return np.array([f"{label}: {name}" for label in labels for name in self.species], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags


def _row(interventions: list[Intervention], species: list[str], quantity: str, source: Any) -> np.ndarray | Exception:
    try:
        table = perturb(source, interventions)[quantity]
        missing = [name for name in species if name not in table.columns]
        if missing:
            return ValueError(f"the model has no species {missing[0]!r}; it has {list(table.columns)[:5]}.")
    except (ValueError, OSError) as error:
        return error
    return table.iloc[1:][species].to_numpy().ravel()


def _sources(X: Any) -> list[Any]:
    sources = as_sequence(X, "X", _EXPECTED)
    for index, source in enumerate(sources):
        if not isinstance(source, (str, Path, KineticModel)):
            raise TypeError(f"X[{index}] is a {type(source).__name__}; expected {_EXPECTED}.")
    return sources
