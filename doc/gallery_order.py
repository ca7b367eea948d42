"""The reading order of the gallery, line by line of work, then what is common to all; and its style."""

from pathlib import Path

ORDER = [
    "plot_sbml_heatmap.py",
    "plot_interventions.py",
    "plot_control_coefficients.py",
    "plot_dose_response.py",
    "plot_parameter_sets.py",
    "plot_events_and_delays.py",
    "plot_topology_models.py",
    "plot_structural_ensemble.py",
    "plot_gcn_enhancer.py",
    "plot_new_pathway.py",
    "plot_embedding_map.py",
    "plot_link_prediction.py",
    "plot_perturbation_screen.py",
    "plot_rank_candidates.py",
    "plot_contexts.py",
    "plot_scores.py",
    "plot_attention.py",
    "plot_pipeline_search.py",
    "plot_checkpoints.py",
    "plot_dask.py",
]


def reading_order(filename: str) -> tuple[int, str]:
    """Sort scripts by the list, and those that it lacks by name after them."""
    name = Path(filename).name
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)


def gallery_style(gallery_conf: dict, fname: str) -> None:
    """Set letters and lines that can be read in a thumbnail; sphinx-gallery calls it before each script."""
    import matplotlib

    matplotlib.rcParams.update({"font.size": 11, "axes.titlesize": 13, "lines.linewidth": 2})
