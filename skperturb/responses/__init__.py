"""Perturbed genes become log-fold changes."""

from skperturb.responses._additive import AdditiveRegressor
from skperturb.responses._app.estimator import APPRegressor
from skperturb.responses._encoder import PerturbationEncoder
from skperturb.responses._kernels.estimator import KernelPerturbationRegressor
from skperturb.responses._linear import LinearPerturbationRegressor
from skperturb.responses._pseudobulk import pseudobulk

__all__ = [
    "APPRegressor",
    "AdditiveRegressor",
    "KernelPerturbationRegressor",
    "LinearPerturbationRegressor",
    "PerturbationEncoder",
    "pseudobulk",
]
