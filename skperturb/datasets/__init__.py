"""Models and data: shipped (``load_*``), simulated (``make_*``) and downloaded (``fetch_*``)."""

from skperturb.datasets._biomodels import fetch_biomodels
from skperturb.datasets._fetch import ChecksumWarning, DownloadError, clear_data_home, fetch_file, get_data_home
from skperturb.datasets._make_models import make_biochemical_models
from skperturb.datasets._reproduction import fetch_reproduction_set
from skperturb.datasets._textbook_loader import load_textbook_models

__all__ = [
    "ChecksumWarning",
    "DownloadError",
    "clear_data_home",
    "fetch_biomodels",
    "fetch_file",
    "fetch_reproduction_set",
    "get_data_home",
    "load_textbook_models",
    "make_biochemical_models",
]
