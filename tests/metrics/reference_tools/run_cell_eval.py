"""Score a pair of files with cell-eval and write its table: ``python run_cell_eval.py REAL PREDICTED OUT``.

Runs in an environment of its own (``pip install cell-eval==0.8.2``) and imports nothing of skperturb.
"""

import sys
import tempfile

# The registered ones are larger than the number of significant genes of the small screen.
CONFIGS = {
    "overlap_at_50": {"k": 5},
    "precision_at_50": {"k": 5},
    "discrimination_score_l2": {"exclude_target_gene": False},
}


def main(real, predicted, out):
    """Write one row for each perturbation, one column for each metric.

    Parameters
    ----------
    real, predicted, out : str
        Two h5ad files and the CSV file to write.
    """
    from cell_eval import MetricsEvaluator

    with tempfile.TemporaryDirectory() as folder:
        evaluator = MetricsEvaluator(
            adata_pred=predicted,
            adata_real=real,
            control_pert="control",
            pert_col="perturbation",
            num_threads=1,
            outdir=folder,
        )
        results, _ = evaluator.compute(
            profile="full", metric_configs=CONFIGS, skip_metrics=["clustering_agreement"], write_csv=False
        )
    results.sort("perturbation").write_csv(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
