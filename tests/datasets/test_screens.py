"""The mirrored screens."""

import functools
import hashlib
import http.server
import threading

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from skperturb import datasets
from skperturb.datasets import DownloadError, _scperturb, fetch_adamson2016, fetch_norman2019, fetch_scperturb
from skperturb.responses import PerturbationEncoder, pseudobulk


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "n_conditions", "noisy"),
    [
        ("norman2019", 236, True),
        ("replogle2022", 300, True),
        ("nadig2025", 300, True),
        ("frangieh2021", None, False),
        ("papalexi2021", None, False),
        ("tian2021", None, False),
    ],
)
def test_pseudobulks(data_home, name, n_conditions, noisy):
    screen = getattr(datasets, f"fetch_{name}")(data_home)
    assert screen.target.shape == (len(screen.data), 50)
    assert np.isfinite(screen.target.to_numpy()).all()
    assert "control" not in screen.data
    assert (screen.noise_variance is not None) is noisy
    assert "fitted on all cells" in screen.DESCR
    assert n_conditions in (None, len(screen.data))


@pytest.mark.real_data
def test_labels(data_home):
    assert sum("+" in label for label in fetch_norman2019(data_home).data) == 131
    assert "IFNGR2" in datasets.fetch_papalexi2021(data_home).data


@pytest.mark.real_data
def test_gene_information(data_home):
    graph, terms = datasets.fetch_gene_graph(data_home), datasets.fetch_gene_terms(data_home)
    assert len(graph) == 266_279
    assert terms.to_numpy().sum() == 101_062
    cells = datasets.fetch_norman2019_cells(data_home)
    assert cells.shape == (5961, 500)


def test_missing_file_names_path_and_variable(tmp_path):
    with pytest.raises(DownloadError, match=r"norman2019_pc50[\s\S]*SKPERTURB_DATA"):
        fetch_norman2019(tmp_path)


@pytest.fixture
def small_cells():
    """Counts in the layout of scPerturb's files."""
    rng = np.random.default_rng(0)
    labels = ["control"] * 20 + ["KLF1"] * 10 + ["CEBPA"] * 10 + ["KLF1_CEBPA"] * 10
    obs = pd.DataFrame({"perturbation": pd.Categorical(labels), "nperts": 1}, index=[f"cell{k}" for k in range(50)])
    var = pd.DataFrame(index=["KLF1", "CEBPA", "GATA1"])
    return anndata.AnnData(sp.csr_matrix(rng.poisson(3.0, size=(50, 3)).astype(np.float32)), obs=obs, var=var)


@pytest.mark.parametrize("backed", [True, False])
def test_all_cells_of_a_file_in_the_data_home(small_cells, tmp_path, backed):
    (tmp_path / "scperturb").mkdir()
    small_cells.write_h5ad(tmp_path / "scperturb" / "AdamsonWeissman2016_GSM2406681_10X010.h5ad")
    cells = fetch_adamson2016(tmp_path, backed=backed)
    assert cells.isbacked is backed
    bulk = pseudobulk(cells, "perturbation", "control", target_sum=10_000)
    doses = PerturbationEncoder().set_output(transform="pandas").fit_transform(bulk.data)
    assert set(doses.columns) == {"KLF1", "CEBPA"}
    assert doses.sum(axis=1).max() == 2
    if backed:
        cells.file.close()


def test_all_cells_are_downloaded_with_a_checksum_only(small_cells, tmp_path, monkeypatch):
    source = tmp_path / "source"
    source.mkdir()
    small_cells.write_h5ad(source / "NormanWeissman2019_filtered.h5ad")
    digest = hashlib.md5((source / "NormanWeissman2019_filtered.h5ad").read_bytes(), usedforsecurity=False).hexdigest()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(source))
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *arguments: None)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setattr(_scperturb, "_SCPERTURB_ADDRESS", f"http://127.0.0.1:{server.server_port}/")
        try:
            with pytest.raises(DownloadError, match="no checksum is registered"):
                fetch_scperturb("norman2019", tmp_path / "home")
            with pytest.raises(DownloadError, match="does not match"):
                fetch_scperturb("norman2019", tmp_path / "home", known_hash="md5:" + "0" * 32)
            cells = fetch_scperturb("norman2019", tmp_path / "home", known_hash=f"md5:{digest}", backed=False)
        finally:
            server.shutdown()
            thread.join()
    assert cells.shape == (50, 3)
    assert fetch_scperturb("norman2019", tmp_path / "home", backed=False).shape == (50, 3)


def test_missing_cells_are_named(tmp_path):
    with pytest.raises(DownloadError, match=r"zenodo\.org/records/13350497/files/Adamson") as raised:
        fetch_adamson2016(tmp_path)
    assert str(tmp_path / "scperturb") in str(raised.value)
    with pytest.raises(ValueError, match="name='norman' is not known"):
        fetch_scperturb("norman", tmp_path)
