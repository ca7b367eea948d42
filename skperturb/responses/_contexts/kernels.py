r"""Kernels between genes in contexts: products of a kernel between genes and one between contexts.

A gene does something that is the same in all cell lines and something that is particular to each. In the language of
Gaussian processes these are two independent terms, with the kernels :math:`k(g, g')` and :math:`k(g, g')\,[c = c']`
(the intrinsic model of coregionalization); their weights say how much of each there is.
"""

from collections.abc import Sequence

import numpy as np

from skperturb.responses._contexts.columns import ContextDesign
from skperturb.responses._kernels.sources import KernelSource
from skperturb.responses._tolerances import NEGLIGIBLE

__all__ = ["ContextKernels", "GeneOfContext"]

#: Parts of a name, joined as a product.
_TIMES = " × "
_CONSTANT, _GENE, _FEATURES = "constant", "gene", "context features"


class ContextKernels(KernelSource):
    """Products of kernels between genes and kernels between contexts; items are genes in contexts, context by context.

    Parameters
    ----------
    genes : KernelSource
        Similarities of genes.
    design : ContextDesign
    known : ndarray of int, shape (n_known,)
        Items that set the scale: kernels are one on their diagonal, on average. A kernel that is zero there is left
        out.
    """

    def __init__(self, genes: KernelSource, design: ContextDesign, known: np.ndarray) -> None:
        self._genes, self._design = genes, design
        self._n_genes = len(design.genes)
        self._codes = design.contexts
        self._products = dict(self._all_products())
        self._scales = {name: float(np.mean(self._diagonal(name, known))) for name in self._products}
        self._products = {name: part for name, part in self._products.items() if self._scales[name] > NEGLIGIBLE}

    def _all_products(self) -> list[tuple[str, tuple[str, str]]]:
        """Return name, kernel between genes and kernel between contexts of each product."""
        of_genes = [_CONSTANT, _GENE, *self._genes.names]
        of_contexts = [_CONSTANT, *self._design.covariates]
        if self._design.features is not None:
            of_contexts.append(_FEATURES)
        several = len(self._design.covariates) > 1
        # A gene in one single context is what the noise stands for; it says nothing about other items.
        pairs = [
            (gene, context)
            for gene in of_genes
            for context in of_contexts
            if several or gene != _GENE or context not in self._design.covariates
        ]
        return [(_name(*pair), pair) for pair in pairs]

    @property
    def names(self) -> Sequence[str]:
        """Names of the kernels."""
        return list(self._products)

    def block(self, name: str, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return one kernel between some items and others."""
        gene, context = self._products[name]
        between = self._between_contexts(context)
        found = between[np.ix_(rows // self._n_genes, columns // self._n_genes)]
        if gene != _CONSTANT:
            found = found * self._between_genes(gene, rows % self._n_genes, columns % self._n_genes)
        return found / self._scales[name]

    def diagonal(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Return one kernel of some items with themselves."""
        return self._diagonal(name, rows) / self._scales[name]

    def _diagonal(self, name: str, rows: np.ndarray) -> np.ndarray:
        gene, context = self._products[name]
        # A row of an unknown cell line is some cell line: alone with itself, but there.
        within = np.ones(len(rows))
        if context == _FEATURES:
            squares = np.diag(self._between_contexts(context))
            # A context without features has some, of the usual size.
            usual = squares[squares > 0].mean() if squares.any() else 0.0
            within = np.where(squares > 0, squares, usual)[rows // self._n_genes]
        if gene in (_CONSTANT, _GENE):
            return within
        return within * self._genes.diagonal(gene, rows % self._n_genes)

    def _between_genes(self, name: str, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        if name == _GENE:
            return (rows[:, None] == columns).astype(float)
        # Genes come back in every context: their kernel is taken once for each.
        left, into_left = np.unique(rows, return_inverse=True)
        right, into_right = np.unique(columns, return_inverse=True)
        return self._genes.block(name, left, right)[np.ix_(into_left, into_right)]

    def _between_contexts(self, name: str) -> np.ndarray:
        if name == _CONSTANT:
            return np.ones((len(self._codes), len(self._codes)))
        if name == _FEATURES:
            features = self._design.features
            assert features is not None
            return features @ features.T
        k = self._design.covariates.index(name)
        level = self._codes[:, k]
        known = level < len(self._design.levels[k]) - 1
        return ((level[:, None] == level) & known[:, None] & known).astype(float)


class GeneOfContext(KernelSource):
    """Kernels between the genes of items, whatever the context: what combinations in other contexts have in common.

    Parameters
    ----------
    genes : KernelSource
        Similarities of genes.
    n_genes : int
    """

    def __init__(self, genes: KernelSource, n_genes: int) -> None:
        self._genes, self._n_genes = genes, n_genes

    @property
    def names(self) -> Sequence[str]:
        """Names of the kernels."""
        return [_GENE, *self._genes.names]

    def block(self, name: str, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return one kernel between some items and others."""
        rows, columns = rows % self._n_genes, columns % self._n_genes
        if name == _GENE:
            return (rows[:, None] == columns).astype(float)
        return self._genes.block(name, rows, columns)

    def diagonal(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Return one kernel of some items with themselves."""
        return np.ones(len(rows)) if name == _GENE else self._genes.diagonal(name, rows % self._n_genes)


def _name(gene: str, context: str) -> str:
    if context == _CONSTANT:
        return gene
    return context if gene == _CONSTANT else f"{gene}{_TIMES}{context}"
