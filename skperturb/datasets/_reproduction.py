"""The models that reproduce the published DYNAMO table."""

from importlib import resources

import pandas as pd

from skperturb.datasets._fetch import DataHome, get_data_home

__all__ = ["fetch_reproduction_set"]

_FILE = "networks_reproduction.csv"


def fetch_reproduction_set(data_home: DataHome = None) -> pd.DataFrame:
    """Load the list of BioModels ids that reproduce the published DYNAMO table.

    The paper never published the ids of its 87 models. These 136 reach a steady state and use no
    construct that the paper's tool refused. The list comes with the package; `fetch_biomodels` gets the models.

    Parameters
    ----------
    data_home : str or path-like, default=None
        See `get_data_home`. A file ``<data_home>/networks_reproduction.csv`` is read in place of the shipped list.

    Returns
    -------
    models : pandas.DataFrame
        One row per model: ``id`` (``"BIOMD…"``), ``n_nodes`` (nodes of the network under the reference
        convention) and ``events`` (number of events in the file).

    References
    ----------
    Santolini, M. & Barabási, A.-L. Predicting perturbation patterns from the topology of biological
    networks. PNAS 115(27), E6375 (2018).

    Examples
    --------
    >>> from skperturb.datasets import fetch_reproduction_set
    >>> models = fetch_reproduction_set()
    >>> models.columns.tolist(), len(models)
    (['id', 'n_nodes', 'events'], 136)
    """
    own = get_data_home(data_home) / _FILE
    if own.is_file():
        return pd.read_csv(own)
    with resources.files(__package__).joinpath("_registry", _FILE).open(encoding="utf-8") as file:
        return pd.read_csv(file)
