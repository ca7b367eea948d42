"""Perturbed genes become log-fold changes."""

from skperturb._gene_names import match_genes
from skperturb.responses._additive import AdditiveRegressor
from skperturb.responses._app.estimator import APPRegressor
from skperturb.responses._candidates import rank_candidates, untested_combinations
from skperturb.responses._contexts.baselines import ContextMean, OtherContextsMean
from skperturb.responses._describe_labels import describe_labels
from skperturb.responses._encoder import PerturbationEncoder
from skperturb.responses._kernels.estimator import KernelPerturbationRegressor
from skperturb.responses._linear import LinearPerturbationRegressor
from skperturb.responses._pseudobulk import pseudobulk
from skperturb.responses._score_responses import score_responses
from skperturb.responses._simulate_cells import simulate_cells
from skperturb.responses._to_anndata import to_anndata
from skperturb.responses._to_cell_eval import to_cell_eval

__all__ = [
    "APPRegressor",
    "AdditiveRegressor",
    "ContextMean",
    "KernelPerturbationRegressor",
    "LinearPerturbationRegressor",
    "OtherContextsMean",
    "PerturbationEncoder",
    "describe_labels",
    "match_genes",
    "pseudobulk",
    "rank_candidates",
    "score_responses",
    "simulate_cells",
    "to_anndata",
    "to_cell_eval",
    "untested_combinations",
]
