"""Perturbed genes become log-fold changes."""

from skperturb._gene_names import match_genes
from skperturb.responses._additive import AdditiveRegressor
from skperturb.responses._app.estimator import APPRegressor
from skperturb.responses._describe_labels import describe_labels
from skperturb.responses._encoder import PerturbationEncoder
from skperturb.responses._kernels.estimator import KernelPerturbationRegressor
from skperturb.responses._linear import LinearPerturbationRegressor
from skperturb.responses._pseudobulk import pseudobulk
from skperturb.responses._to_anndata import to_anndata

__all__ = [
    "APPRegressor",
    "AdditiveRegressor",
    "KernelPerturbationRegressor",
    "LinearPerturbationRegressor",
    "PerturbationEncoder",
    "describe_labels",
    "match_genes",
    "pseudobulk",
    "to_anndata",
]
