"""The other two lines of work in one sentence each, on simulated data: offline, in seconds."""

import numpy as np

__all__ = ["interactions_in_short", "responses_in_short"]

_SEED = 0


def interactions_in_short() -> str:
    """Hide a tenth of the pairs of a simulated network, and find them again.

    Returns
    -------
    str
        The area under the ROC curve against negatives of the same degrees, where popularity is worth nothing, of
        `GNEEmbedder` beside paths of length three and the popularity of the genes.

    Examples
    --------
    >>> from skperturb.reproduce.simulated import interactions_in_short
    >>> interactions_in_short()  # doctest: +SKIP
    'Interactions, 150 hidden of 1,500 of a simulated network, …'
    """
    from ..datasets import make_gene_network
    from ..interactions import DegreeProduct, GNEEmbedder, L3Paths
    from ..metrics import degree_matched_auroc
    from ..model_selection import link_prediction_split

    network = make_gene_network(300, 8, n_interactions=1500, random_state=_SEED)
    genes = np.unique(network.pairs)
    split = link_prediction_split(network.pairs, genes=genes, random_state=_SEED)
    models = {
        "popularity": DegreeProduct(genes=genes, random_state=_SEED),
        "paths of length three": L3Paths(genes=genes, random_state=_SEED),
        "GNEEmbedder": GNEEmbedder(network.expression, genes=genes, n_folds=3, device="cpu", random_state=_SEED),
    }
    scores = {}
    for name, model in models.items():
        model.fit(split.X_train, split.y_train)
        scores[name] = degree_matched_auroc(model, split.X_test, split.y_test, known_pairs=network.pairs)
    n_hidden = int(np.sum(split.y_test))
    shown = ", ".join(f"{name} {score:.2f}" for name, score in scores.items())
    return (
        f"Interactions, {n_hidden} hidden of {len(network.pairs):,} of a simulated network; area under the ROC curve "
        f"against\n  degree-matched negatives (0.5: chance): {shown}"
    )


def responses_in_short() -> str:
    """Hide pairs of a simulated screen, and predict their responses.

    Returns
    -------
    str
        The mean distance to the measured responses of `KernelPerturbationRegressor` beside addition and no change.

    Examples
    --------
    >>> from skperturb.reproduce.simulated import responses_in_short
    >>> responses_in_short()  # doctest: +SKIP
    'Responses to 40 pairs of genes of a simulated screen, …'
    """
    from sklearn.model_selection import cross_val_score

    from ..datasets import make_perturbation_screen
    from ..metrics import l2_scorer
    from ..model_selection import CombinationSplit
    from ..responses import AdditiveRegressor, KernelPerturbationRegressor, PerturbationEncoder, pseudobulk

    cells = make_perturbation_screen(80, n_perturbed=15, n_doubles=40, n_cells=30, random_state=_SEED)
    bulk = pseudobulk(cells, "perturbation", "control")
    labels = list(bulk.data["perturbation"])
    X = PerturbationEncoder().set_output(transform="pandas").fit_transform(labels).set_axis(bulk.target.index)
    cv = CombinationSplit(3, random_state=_SEED)
    pairs = (X != 0).sum(axis=1).to_numpy() > 1
    shown = {"no change": float(np.linalg.norm(bulk.target[pairs], axis=1).mean())}
    for name, model in (("addition", AdditiveRegressor()), ("kernel model", KernelPerturbationRegressor())):
        shown[name] = float(-cross_val_score(model, X, bulk.target, scoring=l2_scorer, cv=cv).mean())
    errors = ", ".join(f"{name} {error:.2f}" for name, error in shown.items())
    return f"Responses to {pairs.sum()} pairs of genes of a simulated screen, half of them hidden; error: {errors}"
