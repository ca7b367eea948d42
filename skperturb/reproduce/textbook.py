"""The main job: from the embedded textbook models to tables and figures, offline, in seconds."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..datasets import load_textbook_models
from ..exceptions import ModelWarning, UndefinedSensitivityError
from ._network_scores import REACHABILITY, count_defined, defined_truth, predict_topology, score_matrices
from ._tables import bootstrap_interval, format_table

__all__ = ["TextbookResult", "run_textbook_models"]

SCORES = ("whole", "reachable", "column")
ENSEMBLE = "structural ensemble"
TRUTHS = {
    "relative": "the relative response, per cent per per cent (one variable held, all others relaxing)",
    "dynamo": "(I - A)^-1, the published truth, which depends on each model's unit of time",
}


# Two models to look at, each with what is to be expected of structure there, and the reason. What came out is said by
# the score; the reason stands beside it where it explains that.
_EXAMPLES = {
    "wnt_beta_catenin": (
        "works",
        "nothing acts back on Dsh, and the paths through the\n"
        "  destruction complex decide the order and the signs of the responses",
    ),
    "linear_pathway_feedback": (
        "fails",
        "the end product inhibits the first step so strongly that the\n"
        "  first metabolite responds most to the last one, the farthest; how strongly, only the constants say",
    ),
}
# Spearman correlations from which a prediction "works", and up to which it "fails".
_WORKS, _FAILS = 0.6, 0.2


class TextbookResult:
    """True sensitivity matrices, predictions and scores on the embedded models.

    Parameters
    ----------
    kind : {"relative", "dynamo"}
        Which sensitivity matrix is the truth.
    names : list of str
        The models that have one.
    left_out : dict of str to str
        The reason for each other model.
    truths : list of DataFrame
        Sensitivity matrices, NaN where they are undefined.
    predictions : dict of str to list of ndarray
        Predictions by method.
    networks : list of InfluenceNetwork
        The networks behind them.
    """

    def __init__(
        self,
        kind: str,
        names: list[str],
        left_out: dict[str, str],
        truths: list[pd.DataFrame],
        predictions: dict[str, list[np.ndarray]],
        networks: list[Any],
    ) -> None:
        self.kind = kind
        self.names = names
        self.left_out = left_out
        self.truths = truths
        self.predictions = predictions
        self.networks = networks
        self.scores = {
            method: pd.DataFrame(
                [score_matrices(t, p, SCORES) for t, p in zip(truths, matrices, strict=True)], index=names
            )
            for method, matrices in predictions.items()
        }

    def report(self) -> str:
        """Format the table, with the reachability-only baseline first."""
        rows = []
        for method, frame in self.scores.items():
            low, high = bootstrap_interval(frame["whole"].to_numpy())
            rows.append([method, frame["whole"].mean(), f"[{low:.3f}, {high:.3f}]", *frame[list(SCORES[1:])].mean()])
        n_models = len(self.names) + len(self.left_out)
        lines = [
            f"Truth: {TRUTHS[self.kind]};",
            f"mean Spearman correlation over {len(self.names)} of {n_models} embedded models [95 % interval]:",
            "",
            format_table(["method", "whole", "95 %", "reachable only", "within a source"], rows),
            count_defined(
                [{"n_nodes": len(truth), "n_undefined": int(truth.isna().sum().sum())} for truth in self.truths]
            ),
        ]
        lines += [_shorten(f"left out: {name}: {reason}") for name, reason in self.left_out.items()]
        return "\n".join(lines)

    def examples(self) -> str:
        """Say of two models how well structure explains their responses, by the score, and why."""
        lines = []
        for name in self._shown():
            expected, why = _EXAMPLES[name]
            score, outcome = self._outcome(name)
            reason = f": {why}" if outcome == expected else ""
            lines.append(f"{name}, {self._method()} {score:.2f}, {outcome}{reason}")
        return "\n".join(lines)

    def _shown(self) -> list[str]:
        """Return the examples that have a truth."""
        return [name for name in _EXAMPLES if name in self.names]

    def _method(self) -> str:
        return ENSEMBLE if ENSEMBLE in self.scores else "distance directed"

    def _outcome(self, name: str) -> tuple[float, str]:
        """Return the score of a model, and what it says."""
        score = float(self.scores[self._method()].loc[name, "whole"])
        return score, "works" if score >= _WORKS else "fails" if score <= _FAILS else "works in part"

    def save_figures(self, folder: str | Path) -> list[Path]:
        """Save the heatmaps of two models, the drawing of one, and the paired accuracy of all, as PNG files."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        from ..plotting import NetworkDisplay, PairedScoreDisplay, SensitivityHeatmapDisplay

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        methods = [REACHABILITY, ENSEMBLE, "distance directed", "propagation signed"]
        methods = [method for method in methods if method in self.predictions]
        heatmaps = []
        for name in self._shown():
            shown = self.names.index(name)
            matrices = {method: self.predictions[method][shown] for method in methods[1:]}
            display = SensitivityHeatmapDisplay.from_predictions(self.truths[shown], matrices, signed=True).plot()
            display.figure_.suptitle(f"{name}: the structure {self._outcome(name)[1]} (truth: {self.kind})")
            heatmaps.append(display.figure_)
        shown = self.names.index(next(iter(self._shown()), self.names[0]))
        accuracy = pd.DataFrame({method: self.scores[method]["whole"] for method in methods})
        paired = PairedScoreDisplay(accuracy, score_name="Spearman correlation, all pairs").plot()
        drawing = NetworkDisplay.from_network(self.networks[shown], responses=self.truths[shown]).plot()
        drawing.ax_.set_title(f"{self.names[shown]}: response to {drawing.source}, per cent per per cent")
        names = (*(f"heatmaps_{name}.png" for name in self._shown()), "accuracy_per_model.png", "network.png")
        paths = [folder / name for name in names]
        for figure, path in zip((*heatmaps, paired.figure_, drawing.figure_), paths, strict=True):
            FigureCanvasAgg(figure).print_png(path)
        return paths


def run_textbook_models(*, n_jobs: int | None = None, verbose: int = 0) -> list[TextbookResult]:
    """Extract the Jacobians of the embedded models and predict their sensitivity patterns from topology alone.

    Parameters
    ----------
    n_jobs : int, default=None
        Number of worker processes.
    verbose : int, default=0
        Show a progress bar when positive, on a terminal.

    Returns
    -------
    list of TextbookResult
        One for the relative responses, one for the published truth.
    """
    from ..sbml import JacobianExtractor

    bunch: Any = load_textbook_models()
    extractor = JacobianExtractor(n_jobs=n_jobs, on_error="skip", verbose=verbose)
    # The tables name each model left out, with its reason, so the warnings would only say it twice.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)
        networks = dict(zip(bunch.names, extractor.fit_transform(bunch.data), strict=True))
        return [_score(kind, networks) for kind in TRUTHS]


def _score(kind: str, networks: dict[str, Any]) -> TextbookResult:
    from ..networks import StructuralSensitivity

    truths: dict[str, pd.DataFrame] = {}
    left_out: dict[str, str] = {}
    for name, network in networks.items():
        if network.is_empty:
            left_out[name] = str(network.reason)
            continue
        try:
            truths[name] = pd.DataFrame(defined_truth(network, kind), network.names, network.names)
        except UndefinedSensitivityError as error:
            left_out[name] = str(error)
    scored = [networks[name] for name in truths]
    predictions = predict_topology(scored)
    if kind == "relative":
        # The methods in the order of the report: the trivial baseline, ours, the published ones.
        ensemble = [np.asarray(matrix) for matrix in StructuralSensitivity().predict(scored)]
        predictions = {REACHABILITY: predictions[REACHABILITY], ENSEMBLE: ensemble, **predictions}
    return TextbookResult(kind, list(truths), left_out, list(truths.values()), predictions, scored)


def _shorten(text: str, width: int = 150) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
