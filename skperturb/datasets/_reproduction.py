"""The models that reproduce the published DYNAMO table."""

import pandas as pd

from skperturb.datasets._fetch import DataHome, fetch_file, unpublished_file

__all__ = ["fetch_reproduction_set"]

_FILE = "networks_reproduction.csv"


def fetch_reproduction_set(data_home: DataHome = None) -> pd.DataFrame:
    """Load the list of BioModels ids that reproduce the published DYNAMO table.

    The paper never published the ids of its 87 models. These 136 reach a steady state and use no
    construct that the paper's tool refused.

    Parameters
    ----------
    data_home : str or path-like, default=None
        See `get_data_home`. The file is ``<data_home>/networks_reproduction.csv``.

    Returns
    -------
    models : pandas.DataFrame
        One row per model: ``id`` (``"BIOMD…"``), ``n_nodes`` (nodes of the network under the reference
        convention) and ``events`` (number of events in the file).

    Raises
    ------
    DownloadError
        If the file is not in the data home. It has no public address yet, so nothing is downloaded.

    References
    ----------
    Santolini, M. & Barabási, A.-L. Predicting perturbation patterns from the topology of biological
    networks. PNAS 115(27), E6375 (2018).

    Examples
    --------
    >>> from skperturb.datasets import fetch_reproduction_set
    >>> fetch_reproduction_set().columns.tolist()  # doctest: +SKIP
    ['id', 'n_nodes', 'events']
    """
    path = fetch_file(*unpublished_file("networks_reproduction", _FILE), data_home=data_home)
    return pd.read_csv(path)
