"""The one table that the API page is made from; a test checks that no public name is missing."""

from pathlib import Path

API_REFERENCE: dict[str, tuple[str, list[str]]] = {
    "skperturb.sbml": (
        "An SBML file becomes numbers",
        [
            "KineticModel",
            "JacobianExtractor",
            "NetworkStructure",
            "SteadyState",
            "conservation_laws",
            "screen_models",
            "sensitivity_matrix",
        ],
    ),
    "skperturb.networks": (
        "A Jacobian becomes a perturbation pattern",
        ["DynamoDistance", "DynamoFirstNeighbor", "DynamoPropagation", "InfluenceNetwork"],
    ),
    "skperturb.metrics": (
        "Scores and scorers",
        ["auroc", "auroc_scorer", "l2_distance", "l2_scorer", "rank_data", "spearman_correlation", "spearman_scorer"],
    ),
    "skperturb.datasets": (
        "Embedded, simulated and fetched data",
        [
            "ChecksumWarning",
            "DownloadError",
            "clear_data_home",
            "fetch_biomodels",
            "fetch_file",
            "fetch_reproduction_set",
            "get_data_home",
            "load_textbook_models",
            "make_biochemical_models",
        ],
    ),
    "skperturb.plotting": ("Displays", ["PairedScoreDisplay", "SensitivityHeatmapDisplay"]),
    "skperturb.exceptions": (
        "Errors and warnings",
        [
            "InvalidModelError",
            "ModelWarning",
            "NoSteadyStateError",
            "SBMLError",
            "UndefinedSensitivityError",
            "UnsupportedModelError",
        ],
    ),
    "skperturb.testing": (
        "The estimator contract",
        [
            "CONTRACT_CHECKS",
            "MATRIX_CHECKS",
            "assert_equal_values",
            "check_name",
            "contract_checks",
            "parametrize_with_contract",
        ],
    ),
}


def write_pages(target: Path) -> None:
    """Write the API page."""
    lines = ["API reference", "=============", ""]
    for module, (title, names) in API_REFERENCE.items():
        heading = f"{module}: {title}"
        lines += [heading, "-" * len(heading), "", f".. currentmodule:: {module}", "", ".. autosummary::"]
        lines += ["   :toctree: api", "", *(f"   {name}" for name in names), ""]
    text = "\n".join(lines)
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")
