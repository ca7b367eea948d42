"""Command line: ``python -m skperturb responses SCREEN``, what a user's own screen says of untested perturbations."""

from __future__ import annotations

import argparse
import json
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ._command_types import positive_number, repetitions_or_none
from ._command_words import refuse_unknown

if TYPE_CHECKING:
    from ._user_screens import UserScreen

__all__ = [
    "add_label_options",
    "add_responses",
    "add_screen_options",
    "fit_quietly",
    "knowledge",
    "known_genes",
    "run",
    "screen_of",
]

# Predictions that are printed; the file of --csv has all.
_SHOWN = 20
# Candidates and genes that the picture shows.
_DRAWN, _GENES_DRAWN = 30, 40
_LEAST_PAIRS, _LEAST_GENES = 4, 10
# Of the size of a prediction: it equals the baseline up to rounding.
_NO_DIFFERENCE = 1e-9
_RANKINGS = ("surprise", "effect", "interaction", "uncertainty")


def add_label_options(parser: Any) -> None:
    """Add the options that say how labels are read.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    parser.add_argument("--control", nargs="+", metavar="LABEL", help="names of controls; default: control ctrl")
    parser.add_argument(
        "--sep", nargs="+", metavar="SEP", help="separators of genes, the trusted one first; default: + _"
    )
    parser.add_argument("--guide-suffix", metavar="REGEX", help="what follows the gene in the name of a guide")
    parser.add_argument("--guide-prefix", metavar="REGEX", help="what precedes the gene in the name of a guide")


def add_screen_options(parser: Any) -> None:
    """Add the options that say what a screen is and what is known about its genes.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    parser.add_argument(
        "--groupby", metavar="COL", help="column of the cells that holds the labels; default: perturbation"
    )
    add_label_options(parser)
    parser.add_argument(
        "--skip-doubtful", action="store_true", help="leave out labels without a certain reading, see 'labels'"
    )
    parser.add_argument(
        "--contexts", nargs="+", default=[], metavar="COL", help="columns of the cell lines or batches, kept apart"
    )
    parser.add_argument(
        "--target-sum", type=positive_number, metavar="N", help="for raw counts: scale cells to this total, and log"
    )
    parser.add_argument("--graph", type=Path, metavar="FILE", help="gene graph: two genes in a row, perhaps a kind")
    parser.add_argument(
        "--gene-features",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="tables genes × features, or rows gene, term",
    )
    parser.add_argument(
        "--other-screen",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="other screens, read as SCREEN, whose responses describe the genes",
    )


def add_responses(commands: Any) -> None:
    """Add the command.

    Parameters
    ----------
    commands : argparse sub-parsers
    """
    parser = commands.add_parser(
        "responses",
        help="your screen (h5ad, or a table): models beside baselines, and untested perturbations ranked",
        description="How well the responses of your screen are predicted, beside baselines, and which perturbations to "
        "test next. Example: python -m skperturb responses screen.h5ad --predict pairs --csv candidates.csv",
    )
    parser.add_argument(
        "screen", type=Path, metavar="SCREEN", help="cells as .h5ad, or log-fold changes as .csv, .tsv or .txt"
    )
    add_screen_options(parser)
    parser.add_argument(
        "--predict",
        nargs="+",
        metavar="LABEL",
        help="predict these perturbations; 'pairs': all untested pairs of genes perturbed alone; 'genes': all genes of "
        "--graph and --gene-features that nobody perturbed",
    )
    parser.add_argument(
        "--rank-by",
        choices=_RANKINGS,
        help="order of the predictions. effect: size of the response; interaction: distance to the baseline; "
        "uncertainty: standard deviation; surprise (default): the last two together",
    )
    parser.add_argument(
        "--repeats",
        type=repetitions_or_none,
        default=3,
        metavar="N",
        help="splits that score the models; 0: none; default: 3",
    )
    parser.add_argument("--csv", type=Path, metavar="OUT", help="write the predictions with standard deviations")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write scores and ranks as JSON")
    parser.add_argument(
        "--figures", dest="drawings", type=Path, metavar="DIR", help="draw scores and predictions there"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    _refuse(arguments)
    screen = screen_of(arguments)
    known, notes = knowledge(arguments, screen)
    candidates = None if arguments.predict is None else _candidates(screen, known, arguments.predict)
    print("\n".join([_described(screen), *screen.notes, *notes]), flush=True)
    scores = pd.DataFrame(_scores(screen, known, arguments.repeats)) if arguments.repeats else pd.DataFrame()
    if len(scores):
        print(_shown_scores(scores), flush=True)
    elif arguments.repeats:
        print("no model was scored: there is nothing to hold out, see --graph, --gene-features and --contexts")
    ranked = wide = None
    if candidates is not None:
        ranked, wide = _ranked(screen, known, candidates, arguments.rank_by or _RANKINGS[0])
        shown = ranked.head(_SHOWN)
        print(shown.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
        if len(ranked) > _SHOWN:
            print(f"the first {_SHOWN} of {len(ranked)}" + ("" if arguments.csv else "; --csv OUT writes all"))
    _write(arguments, screen, scores, ranked, wide)
    return 0


def _refuse(arguments: argparse.Namespace) -> None:
    from .reproduce._options import refuse_unused

    if arguments.predict is None:
        refuse_unused(arguments, ["--rank-by", "--csv"], "with --predict")


def screen_of(arguments: argparse.Namespace, path: Path | None = None) -> UserScreen:
    """Read the screen that the arguments describe.

    Parameters
    ----------
    arguments : Namespace
        Of `add_screen_options`.
    path : Path, default=None
        Another file than ``arguments.screen``.
    """
    from ._user_screens import read_screen

    path = arguments.screen if path is None else path
    is_table = path.suffix.lower() != ".h5ad" and path != arguments.screen
    return read_screen(
        path,
        groupby=None if is_table else arguments.groupby,
        control=arguments.control,
        contexts=arguments.contexts if path == arguments.screen else (),
        target_sum=None if is_table else arguments.target_sum,
        skip_doubtful=arguments.skip_doubtful,
        sep=arguments.sep,
        guide_suffix=arguments.guide_suffix,
        guide_prefix=arguments.guide_prefix,
    )


def knowledge(arguments: argparse.Namespace, screen: UserScreen) -> tuple[dict[str, Any], list[str]]:
    """Read what is known about the genes, and count those that it leaves out.

    Parameters
    ----------
    arguments : Namespace
    screen : UserScreen

    Returns
    -------
    known : dict
        ``graph`` and ``gene_features``, the parameters of `KernelPerturbationRegressor`.
    notes : list of str
    """
    from ._gene_files import read_gene_features, read_graph
    from ._user_screens import encode, screen_profiles

    graph = None if arguments.graph is None else read_graph(arguments.graph)
    features = {path.name.split(".")[0]: read_gene_features(path) for path in arguments.gene_features}
    for path in arguments.other_screen:
        features[f"profiles in {path.name.split('.')[0]}"] = screen_profiles(screen_of(arguments, path))
    genes = pd.Index(encode(screen)[2].genes_).astype(str)
    sources = {} if graph is None else {str(arguments.graph): pd.unique(graph.iloc[:, :2].to_numpy().ravel())}
    sources |= {name: table.index for name, table in features.items()}
    notes = []
    for name, index in sources.items():
        missing = genes[~genes.isin(pd.Index(index).astype(str))]
        shown = f", such as {', '.join(missing[:3])}" if len(missing) else ""
        notes.append(f"{len(missing)} of {len(genes)} perturbed genes are not in {name}{shown}")
    return {"graph": graph, "gene_features": features or None}, notes


def _described(screen: UserScreen) -> str:
    from ._user_screens import encode

    X, _, encoder = encode(screen)
    n_genes = (X.to_numpy()[:, : len(encoder.genes_)] != 0).sum(axis=1)
    lines = ", ".join(f"{screen.conditions[name].nunique()} of {name}" for name in screen.contexts)
    return (
        f"{screen.name}: {len(X)} conditions ({(n_genes == 1).sum()} single genes, {(n_genes > 1).sum()} combinations) "
        f"of {len(encoder.genes_)} genes, {screen.responses.shape[1]} read out"
        + (f"; contexts: {lines}" if lines else "")
    )


# -- scores -------------------------------------------------------------------------------------------
def _tasks(screen: UserScreen, X: pd.DataFrame, perturbed: np.ndarray, known: dict[str, Any], repeats: int) -> Any:
    """Yield what can be held out: its name, the rows, the splits and the models."""
    from .model_selection import CombinationSplit, LeaveContextOut, UnseenPerturbationSplit
    from .responses import AdditiveRegressor, ContextMean, KernelPerturbationRegressor, OtherContextsMean

    mean = {"mean of the others": ContextMean if screen.contexts else _Mean}
    model = {"kernel": lambda: KernelPerturbationRegressor(**known)}
    everything, n_genes = np.arange(len(X)), perturbed.sum(axis=1)
    if (n_genes > 1).sum() >= _LEAST_PAIRS:
        splits = CombinationSplit(repeats, random_state=0).split(X)
        yield "untested combinations", everything, splits, mean | {"sum of single genes": AdditiveRegressor} | model
    alone = np.flatnonzero(n_genes == 1)
    n_alone = int(perturbed[alone].any(axis=0).sum())
    if n_alone >= _LEAST_GENES and any(value is not None for value in known.values()):
        splits = UnseenPerturbationSplit(max(repeats, 2), random_state=0).split(X.iloc[alone])
        yield "genes that nobody perturbed", alone, splits, mean | model
    if screen.contexts and len(screen.conditions[screen.contexts].drop_duplicates()) > 1:
        splits = LeaveContextOut().split(X)
        yield "a context left out", everything, splits, {"mean of other contexts": OtherContextsMean} | mean | model


class _Mean:
    """The mean response of the training conditions."""

    def fit(self, X: Any, y: pd.DataFrame, **noise: Any) -> _Mean:
        self._mean = y.to_numpy().mean(axis=0)
        return self

    def predict(self, X: Any) -> np.ndarray:
        return np.tile(self._mean, (len(X), 1))


def _scores(screen: UserScreen, known: dict[str, Any], repeats: int) -> Iterator[dict[str, Any]]:
    from ._user_screens import encode

    X, _, encoder = encode(screen)
    perturbed = X.to_numpy()[:, : len(encoder.genes_)] != 0
    for task, rows, splits, models in _tasks(screen, X, perturbed, known, repeats):
        for repeat, (train, test) in enumerate(splits):
            parts = rows[train], rows[test]
            yield {"task": task, "repeat": repeat, "model": "no change"} | _score(None, screen, X, *parts)
            for name, model in models.items():
                yield {"task": task, "repeat": repeat, "model": name} | _score(model, screen, X, *parts)


def _score(
    build: Callable[[], Any] | None, screen: UserScreen, X: pd.DataFrame, train: np.ndarray, test: np.ndarray
) -> dict[str, Any]:
    from .metrics import pearson_delta, perturbation_discrimination_score
    from .responses import KernelPerturbationRegressor

    truth = screen.responses.iloc[test].to_numpy()
    predicted, covered = np.zeros_like(truth), None
    if build is not None:
        model = fit_quietly(build(), X.iloc[train], screen, train)
        predicted = np.asarray(model.predict(X.iloc[test]))
        if isinstance(model, KernelPerturbationRegressor):
            deviation = np.asarray(model.predict(X.iloc[test], return_std=True)[1])
            covered = float((np.abs(truth - predicted) <= 1.96 * deviation).mean())
    return {
        "l2": float(np.linalg.norm(truth - predicted, axis=1).mean()),
        "correlation": pearson_delta(truth, predicted) if predicted.any() else None,
        "discrimination": perturbation_discrimination_score(truth, predicted) if len(test) > 1 else None,
        "coverage": covered,
        "n_tested": len(test),
    }


def fit_quietly(model: Any, X: pd.DataFrame, screen: UserScreen, rows: Any = slice(None)) -> Any:
    """Fit with the noise of the screen, without a warning of what was printed already.

    Parameters
    ----------
    model : estimator
    X : DataFrame
        Doses of the rows.
    screen : UserScreen
    rows : ndarray or slice, default=slice(None)
        Of the screen; all by default.
    """
    noise = {} if screen.noise is None else {"noise_variance": screen.noise.iloc[rows]}
    with warnings.catch_warnings():
        # Their number was printed.
        warnings.filterwarnings("ignore", "[0-9]+ of [0-9]+ perturbed genes are not in", UserWarning)
        return model.fit(X, screen.responses.iloc[rows], **noise)


def _shown_scores(scores: pd.DataFrame) -> str:
    from .reproduce._tables import bootstrap_interval, format_table

    parts = []
    for task, group in scores.groupby("task", sort=False):
        rows: list[list[object]] = []
        for name, part in group.groupby("model", sort=False):
            low, high = bootstrap_interval(part["l2"].to_list())
            interval = f"[{low:.3f}, {high:.3f}]" if len(part) > 1 else None
            means = [_mean(part[column]) for column in ("correlation", "discrimination", "coverage")]
            rows.append([name, float(part["l2"].mean()), interval, *means])
        n_splits, n_tested = group["repeat"].nunique(), group["n_tested"].iloc[0]
        title = f"\n{task}; splits: {n_splits}, conditions tested in the first: {n_tested}"
        parts += [title, format_table(["model", "error", "95 %", "correlation", "discrim.", "coverage"], rows)]
        parts.append(_verdict(group))
    return "\n".join([*parts, _NOTES])


def _verdict(group: pd.DataFrame) -> str:
    """Say of one task whether the model is better than the best of its baselines."""
    errors = group.pivot_table(index="repeat", columns="model", values="l2", sort=False)
    ours = errors.pop("kernel")
    baseline = errors.mean().idxmin()
    n_better = int((ours < errors[baseline]).sum())
    means = ours.mean(), errors[baseline].mean()
    return (
        f"verdict: kernel is better than {baseline!r}, the best baseline, in {n_better} of {len(ours)} splits (error "
        f"{means[0]:.3f} against {means[1]:.3f})" + ("" if means[0] < means[1] else "; it says nothing here")
    )


_NOTES = (
    "error: L2 distance of predicted and measured response, over all read-outs; lower is better. correlation: of the\n"
    "changes, 1 is best. discrim.: share of the other conditions that are farther from the prediction than the right\n"
    "one, 0.5 is chance. coverage: of the 95 % interval. A model that is no better than its baselines says nothing.\n"
)


def _mean(values: pd.Series) -> float | None:
    known = values.dropna()
    return None if known.empty else float(known.astype(float).mean())


# -- predictions --------------------------------------------------------------------------------------
def _candidates(screen: UserScreen, known: dict[str, Any], wanted: list[str]) -> pd.DataFrame:
    """Return the perturbations to predict, in each context."""
    from ._user_screens import LABEL, encode
    from .responses import untested_combinations

    reading = {"control": list(screen.control), **screen.reading}
    if wanted == ["pairs"]:
        if len(_alone(screen)) < 2:
            raise ValueError(
                f"--predict pairs needs two genes that were perturbed alone; found {sorted(_alone(screen))}."
            )
        labels = list(untested_combinations(list(screen.conditions[LABEL]), **reading))
        if not labels:
            raise ValueError("--predict pairs: all pairs of genes that were perturbed alone were tested together.")
    elif wanted == ["genes"]:
        labels = _new_genes(known, set(map(str, encode(screen)[2].genes_)))
    elif word := next((word for word in ("pairs", "genes") if word in wanted), None):
        raise ValueError(f"--predict {' '.join(wanted)}: {word!r} beside labels; expected {word!r} alone, or labels.")
    else:
        labels = list(dict.fromkeys(wanted))
        _check_genes(screen, known, labels)
    if not screen.contexts:
        return pd.DataFrame({LABEL: labels}, index=labels)
    levels = screen.conditions[screen.contexts].drop_duplicates().sort_values(screen.contexts)
    table = pd.DataFrame({LABEL: labels}).merge(levels, how="cross")
    return table.set_axis([" ".join(map(str, row)) for row in table.itertuples(index=False)])


def _alone(screen: UserScreen) -> set[str]:
    """Return the genes that were perturbed alone."""
    from ._user_screens import encode

    X, _, encoder = encode(screen)
    perturbed = X.to_numpy()[:, : len(encoder.genes_)] != 0
    return {str(gene) for gene in np.asarray(encoder.genes_)[perturbed[perturbed.sum(axis=1) == 1].any(axis=0)]}


def _check_genes(screen: UserScreen, known: dict[str, Any], labels: list[str]) -> None:
    """Refuse labels that cannot be read, or with a gene of which nothing is known, before models are scored."""
    from ._user_screens import encode
    from .responses import PerturbationEncoder

    try:
        reader = PerturbationEncoder(control=screen.control, **screen.reading).fit(labels)
    except ValueError as error:
        raise ValueError(re.sub(r"^X\[\d+\] is ", "--predict ", str(error))) from error
    perturbed = set(map(str, encode(screen)[2].genes_))
    what = f"genes that {screen.name}, --graph, --gene-features or --other-screen know"
    refuse_unknown("--predict", map(str, reader.genes_), perturbed | known_genes(known), what)


def _new_genes(known: dict[str, Any], perturbed: set[str]) -> list[str]:
    if all(value is None for value in known.values()):
        raise ValueError("--predict genes needs --graph, --gene-features or --other-screen, where new genes are found.")
    return sorted(known_genes(known) - perturbed)


def known_genes(known: dict[str, Any]) -> set[str]:
    """Return the genes of which anything is known besides the screen.

    Parameters
    ----------
    known : dict
        Of `knowledge`.
    """
    graph, features = known["graph"], known["gene_features"] or {}
    found = set() if graph is None else {str(gene) for gene in graph.iloc[:, :2].to_numpy().ravel()}
    return found.union(*({str(gene) for gene in table.index} for table in features.values()))


def _ranked(
    screen: UserScreen, known: dict[str, Any], candidates: pd.DataFrame, by: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    from ._user_screens import encode
    from .responses import AdditiveRegressor, ContextMean, KernelPerturbationRegressor, rank_candidates

    X, wanted, encoder = encode(screen, candidates)
    assert wanted is not None
    model = fit_quietly(KernelPerturbationRegressor(**known), X, screen)
    has_pairs = ((wanted.to_numpy()[:, : len(encoder.genes_)] != 0).sum(axis=1) > 1).any()
    baseline = AdditiveRegressor() if has_pairs else (ContextMean() if screen.contexts else _Mean())
    name = "the sum of the single responses" if has_pairs else "the mean of the measured responses"
    ranked = rank_candidates(model, fit_quietly(baseline, X, screen), wanted, by=by)
    print(f"{len(ranked)} predictions, largest {by} first; effect: L2 norm; interaction: distance to {name}")
    asked = np.asarray(encoder.genes_, dtype=str)[(wanted.to_numpy()[:, : len(encoder.genes_)] != 0).any(axis=0)]
    if new := sorted(set(asked) - _alone(screen)):
        print(
            f"{len(new)} of the {len(asked)} genes to predict were never perturbed alone, such as {', '.join(new[:3])}"
        )
    if (ranked["interaction"] <= _NO_DIFFERENCE * ranked["effect"]).all():
        print(f"the model has nothing to add to {name}, which stands in every row: the order of the rows says nothing")
    mean, deviation = (
        pd.DataFrame(np.asarray(part), wanted.index, screen.responses.columns)
        for part in model.predict(wanted, return_std=True)
    )
    order = wanted.index.get_indexer(ranked["condition"])
    wide = mean.join(deviation.add_suffix(" std")).iloc[order].reset_index(drop=True)
    # The contexts of each prediction have columns of their own, behind the name that holds them too.
    where = candidates[screen.contexts].iloc[order].reset_index(drop=True)
    return ranked, pd.concat([ranked[["condition"]], where, ranked.drop(columns="condition"), wide], axis=1)


# -- files --------------------------------------------------------------------------------------------
def _write(
    arguments: argparse.Namespace,
    screen: UserScreen,
    scores: pd.DataFrame,
    ranked: pd.DataFrame | None,
    wide: pd.DataFrame | None,
) -> None:
    if arguments.csv is not None and wide is not None:
        wide.to_csv(arguments.csv, index=False)
        print(f"{len(wide)} predictions written to {arguments.csv}")
    if arguments.json is not None:
        tables = {"screen": screen.name, "scores": scores, "predictions": ranked}
        found = {name: _records(value) if isinstance(value, pd.DataFrame) else value for name, value in tables.items()}
        arguments.json.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        print(f"scores and ranks written to {arguments.json}")
    if arguments.drawings is not None:
        for path in _draw(arguments.drawings, screen, scores, wide):
            print(f"figure saved: {path}")


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows with null, in place of NaN, which JSON lacks."""
    return json.loads(table.to_json(orient="records", double_precision=12))


def _draw(folder: Path, screen: UserScreen, scores: pd.DataFrame, wide: pd.DataFrame | None) -> list[Path]:
    from matplotlib.figure import Figure

    from .plotting import ResponseErrorDisplay

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for task, group in scores.groupby("task", sort=False) if len(scores) else []:
        errors = group.pivot_table(index="repeat", columns="model", values="l2", sort=False)
        figure = Figure(figsize=(6, 1.2 + 0.4 * errors.shape[1]), layout="constrained")
        display = ResponseErrorDisplay(errors).plot(ax=figure.add_subplot())
        display.ax_.set_title(f"{screen.name}\n{task}", fontsize="medium")
        paths.append(folder / f"errors_{str(task).replace(' ', '_')}.png")
        figure.savefig(paths[-1], dpi=150)
    if wide is not None:
        paths.append(folder / "predictions.png")
        _heatmap(wide, screen).savefig(paths[-1], dpi=150)
    return paths


def _heatmap(wide: pd.DataFrame, screen: UserScreen) -> Any:
    """Draw the first candidates by the genes that respond most."""
    from matplotlib.figure import Figure

    values = wide.head(_DRAWN)[list(screen.responses.columns)]
    values = values[values.abs().max().nlargest(_GENES_DRAWN).index]
    figure = Figure(figsize=(2.5 + 0.24 * values.shape[1], 1.8 + 0.22 * len(values)), layout="constrained")
    ax = figure.add_subplot()
    limit = float(values.abs().to_numpy().max()) or 1.0
    image = ax.imshow(values.to_numpy(), cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    ax.set_yticks(range(len(values)), wide["condition"].head(len(values)), fontsize=8)
    ax.set_xticks(range(values.shape[1]), values.columns, rotation=90, fontsize=8)
    ax.set_title(f"{screen.name}: predicted responses")
    figure.colorbar(image, label="log-fold change")
    return figure
