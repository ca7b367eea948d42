"""What nodes of the graph are described by."""

import numpy as np
import pandas as pd
import pytest

from skperturb.responses._app import nodes
from skperturb.responses._app.nodes import GeneNodes


@pytest.mark.parametrize("n_genes", [1, 5, 64, 65, 90])
@pytest.mark.parametrize("share", [0.0, 0.2], ids=["empty", "terms"])
def test_large_tables_of_terms_describe_few_genes_and_many(n_genes, share, monkeypatch):
    """Above a size only some components are computed, of which a screen of few genes has not so many."""
    names = [f"gene{k}" for k in range(n_genes)]
    table = pd.DataFrame(np.random.default_rng(0).random((n_genes, 200)) < share, index=names)
    whole = GeneNodes(names, None, None, {"terms": table}).features
    monkeypatch.setattr(nodes, "_LARGE", 0)
    large = GeneNodes(names, None, None, {"terms": table}).features
    assert np.isfinite(large).all()
    assert large.shape[1] <= 64
    assert large.any() == whole.any()
