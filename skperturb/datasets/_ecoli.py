"""Gene interactions, expression and operons of Escherichia coli."""

import pandas as pd
from sklearn.utils import Bunch

from skperturb.datasets._fetch import DataHome, fetch_file, unpublished_file

__all__ = ["fetch_ecoli_interactions"]

_FOLDER = "interactions"


def fetch_ecoli_interactions(data_home: DataHome = None) -> Bunch:
    """Load 147,476 interactions among 4,511 genes of Escherichia coli, with expression and operons.

    Parameters
    ----------
    data_home : str or path-like, default=None
        See `get_data_home`. The files are in ``<data_home>/interactions``.

    Returns
    -------
    data : Bunch
        ``pairs``: ndarray of shape (147476, 2) of gene names, undirected, without self-pairs and repetitions;
        ``genes``: ndarray of the 4,511 names, those without interactions too; ``expression``: DataFrame of 3,661 genes
        and 278 samples, each gene scaled to mean 0 and standard deviation 1; ``operons``: DataFrame with a row for each
        gene of an operon and the columns ``operon`` and ``gene``.

    Raises
    ------
    DownloadError
        If a file is not in the data home. They have no public address as they stand; `build_ecoli_interactions` makes
        them from public files.

    Notes
    -----
    The interactions are those of BioGRID 3.4 that the authors of GNE [1]_ used. Their expression (DREAM5 arrays) is not
    available any more; the PRECISE compendium [2]_ stands in for it.

    References
    ----------
    .. [1] KC, K. et al. (2019). GNE: a deep learning framework for gene network inference by aggregating biological
       information. BMC Systems Biology 13(S2), 38. doi:10.1186/s12918-019-0694-y.
    .. [2] Sastry, A. V. et al. (2019). The Escherichia coli transcriptome mostly consists of independently regulated
       modules. Nature Communications 10, 5536. doi:10.1038/s41467-019-13483-w.

    Examples
    --------
    >>> from skperturb.datasets import fetch_ecoli_interactions
    >>> network = fetch_ecoli_interactions()  # doctest: +SKIP
    >>> network.pairs.shape, len(network.genes)  # doctest: +SKIP
    ((147476, 2), 4511)
    """

    def table(name: str) -> pd.DataFrame:
        path = fetch_file(*unpublished_file("interactions", f"{_FOLDER}/{name}"), data_home=data_home)
        # Names such as "nan" would be read as missing.
        return pd.read_csv(path, sep="\t", keep_default_na=False)

    operons = table("ecoli_operons.tsv")
    members = operons.assign(gene=operons["genes"].str.split(r"\s*;\s*", regex=True)).explode("gene")
    return Bunch(
        pairs=table("ecoli_interactions.tsv.gz").to_numpy(dtype=object),
        genes=table("ecoli_genes.tsv")["gene"].to_numpy(dtype=object),
        expression=table("ecoli_expression.tsv.gz").set_index("gene").astype(float),
        operons=members[members["gene"] != ""][["operon", "gene"]].reset_index(drop=True),
    )
