"""Models and data: shipped (``load_*``), simulated (``make_*``), downloaded (``fetch_*``) and built (``build_*``)."""

from skperturb.datasets._biomodels import fetch_biomodels
from skperturb.datasets._build_ecoli import build_ecoli_interactions
from skperturb.datasets._build_gene_tables import build_gene_graph, build_gene_terms
from skperturb.datasets._build_screens import build_screen
from skperturb.datasets._ecoli import fetch_ecoli_interactions
from skperturb.datasets._fetch import ChecksumWarning, DownloadError, clear_data_home, fetch_file, get_data_home
from skperturb.datasets._make_gene_network import make_gene_network
from skperturb.datasets._make_models import make_biochemical_models
from skperturb.datasets._make_perturbation_screen import make_perturbation_screen
from skperturb.datasets._read_interactions import read_interactions
from skperturb.datasets._reproduction import fetch_reproduction_set
from skperturb.datasets._scperturb import fetch_adamson2016, fetch_scperturb
from skperturb.datasets._screens import (
    fetch_frangieh2021,
    fetch_gene_graph,
    fetch_gene_terms,
    fetch_nadig2025,
    fetch_norman2019,
    fetch_norman2019_cells,
    fetch_papalexi2021,
    fetch_replogle2022,
    fetch_tian2021,
)
from skperturb.datasets._textbook_loader import load_textbook_models

__all__ = [
    "ChecksumWarning",
    "DownloadError",
    "build_ecoli_interactions",
    "build_gene_graph",
    "build_gene_terms",
    "build_screen",
    "clear_data_home",
    "fetch_adamson2016",
    "fetch_biomodels",
    "fetch_ecoli_interactions",
    "fetch_file",
    "fetch_frangieh2021",
    "fetch_gene_graph",
    "fetch_gene_terms",
    "fetch_nadig2025",
    "fetch_norman2019",
    "fetch_norman2019_cells",
    "fetch_papalexi2021",
    "fetch_replogle2022",
    "fetch_reproduction_set",
    "fetch_scperturb",
    "fetch_tian2021",
    "get_data_home",
    "load_textbook_models",
    "make_biochemical_models",
    "make_gene_network",
    "make_perturbation_screen",
    "read_interactions",
]
