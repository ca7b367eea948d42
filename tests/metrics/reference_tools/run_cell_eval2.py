"""Score a pair of files with cell-eval2 and write its table: ``python run_cell_eval2.py REAL PREDICTED OUT``.

A fourth argument, "counts", says that the files hold whole-number counts.

Runs in an environment of its own (``pip install cell-eval2==0.20.0``) and imports nothing of skperturb.
"""

import sys
from dataclasses import replace


def main(real, predicted, out, input_type="lognorm"):
    """Write one row for each perturbation, one column for each metric.

    Parameters
    ----------
    real, predicted, out : str
        Two h5ad files and the CSV file to write.
    input_type : {"lognorm", "counts"}
    """
    from cell_eval2 import EvalConfig, compute_metrics

    config = EvalConfig(
        metrics="full", pert_col="perturbation", control="control", input_type=input_type, num_threads=1, device="cpu"
    )
    config = replace(config, de=replace(config.de, backend="scanpy"))
    table = compute_metrics(predicted, real, config=config)
    table.pivot(on="metric", index="perturbation", values="value").sort("perturbation").write_csv(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
