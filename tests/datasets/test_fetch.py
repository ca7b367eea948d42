import hashlib
import http.server
import threading
import time
import warnings

import pytest

from skperturb.datasets import (
    ChecksumWarning,
    DownloadError,
    clear_data_home,
    fetch_file,
    fetch_reproduction_set,
    get_data_home,
)
from skperturb.datasets._fetch import read_registry

CONTENT = b"some data\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
# The discard port: nothing listens there.
UNREACHABLE = "http://127.0.0.1:9/file.txt"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server():
    """An HTTP server that answers every request with CONTENT and notes the paths."""
    paths = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", paths
        running.shutdown()
        thread.join()


def test_data_home_prefers_argument_then_environment_then_home(monkeypatch, tmp_path):
    monkeypatch.setenv("SKPERTURB_DATA", str(tmp_path / "environment"))
    assert get_data_home(tmp_path / "argument") == tmp_path / "argument"
    assert get_data_home() == tmp_path / "environment"
    monkeypatch.delenv("SKPERTURB_DATA")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert get_data_home() == tmp_path / "skperturb_data"
    assert get_data_home("~/x") == tmp_path / "x"
    assert list(tmp_path.iterdir()) == []


def test_download_is_cached(tmp_path, server, capfd):
    address, paths = server
    for _ in range(2):
        path = fetch_file("folder/file.txt", f"{address}/file", SHA256, data_home=tmp_path)
    assert path == tmp_path / "folder" / "file.txt"
    assert path.read_bytes() == CONTENT
    assert paths == ["/file"]
    assert capfd.readouterr() == ("", "")


def test_download_with_a_wrong_checksum_is_refused(tmp_path, server):
    address, _ = server
    with pytest.raises(DownloadError, match=r"(?s)SHA256|hash") as caught:
        fetch_file("file.txt", f"{address}/file", "0" * 64, data_home=tmp_path)
    assert f"{address}/file" in str(caught.value)
    assert not (tmp_path / "file.txt").exists()


def test_offline_error_is_quick_and_names_everything(tmp_path):
    start = time.monotonic()
    with pytest.raises(DownloadError) as caught:
        fetch_file("folder/file.txt", UNREACHABLE, SHA256, data_home=tmp_path)
    assert time.monotonic() - start < 10
    assert isinstance(caught.value, OSError)
    for part in (UNREACHABLE, str(tmp_path / "folder" / "file.txt"), "SKPERTURB_DATA", "data_home"):
        assert part in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_changed_local_file_is_used_with_a_warning(tmp_path):
    (tmp_path / "file.txt").write_bytes(b"edited")
    with pytest.warns(ChecksumWarning, match=r"file\.txt is not the registered version"):
        path = fetch_file("file.txt", UNREACHABLE, SHA256, data_home=tmp_path)
    assert path.read_bytes() == b"edited"


def test_a_right_local_file_is_used_silently(tmp_path):
    (tmp_path / "file.txt").write_bytes(CONTENT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fetch_file("file.txt", UNREACHABLE, SHA256, data_home=tmp_path).read_bytes() == CONTENT


def test_clear_data_home_keeps_foreign_files(tmp_path):
    (tmp_path / "biomodels").mkdir()
    registered = tmp_path / "biomodels" / "BIOMD0000000001.xml"
    foreign = tmp_path / "biomodels" / "mine.xml"
    for path in (registered, foreign):
        path.write_text("x")
    clear_data_home(tmp_path)
    assert not registered.exists()
    assert foreign.exists()
    foreign.unlink()
    clear_data_home(tmp_path)
    assert not tmp_path.exists()
    clear_data_home(tmp_path)


def test_registry_of_biomodels():
    registry = read_registry("biomodels")
    assert len(registry) == 611
    assert next(iter(registry)) == "BIOMD0000000001.xml"
    assert all(len(value) == 64 and int(value, 16) >= 0 for value in registry.values())


def test_reproduction_set_comes_with_the_package(tmp_path):
    models = fetch_reproduction_set(tmp_path)
    # Every one of them is a model that can be downloaded.
    assert set(models["id"] + ".xml") <= set(read_registry("biomodels"))
    (tmp_path / "networks_reproduction.csv").write_text("id,n_nodes,events\nBIOMD0000000001,12,1\n")
    assert fetch_reproduction_set(tmp_path)["id"].tolist() == ["BIOMD0000000001"]


@pytest.mark.real_data
def test_reproduction_set_is_that_of_the_data_home(data_home, tmp_path):
    models = fetch_reproduction_set(data_home)
    assert models.equals(fetch_reproduction_set(tmp_path))
    assert list(models.columns) == ["id", "n_nodes", "events"]
    assert len(models) == 136
    assert models["id"].is_unique
    assert (models["n_nodes"] >= 10).all()
