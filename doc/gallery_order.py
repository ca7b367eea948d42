"""The reading order of the gallery: line by line of work, then what is common to all."""

from pathlib import Path

ORDER = [
    "plot_sbml_heatmap.py",
    "plot_interventions.py",
    "plot_control_coefficients.py",
    "plot_dose_response.py",
    "plot_parameter_sets.py",
    "plot_topology_models.py",
    "plot_gcn_enhancer.py",
    "plot_new_pathway.py",
    "plot_embedding_map.py",
    "plot_link_prediction.py",
    "plot_perturbation_screen.py",
    "plot_attention.py",
    "plot_pipeline_search.py",
    "plot_checkpoints.py",
    "plot_dask.py",
]


def reading_order(filename: str) -> tuple[int, str]:
    """Sort scripts by the list, and those that it lacks by name after them."""
    name = Path(filename).name
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)
