"""Display classes in scikit-learn's manner: compute once, draw with ``plot(ax=)``."""

from ._heatmap import SensitivityHeatmapDisplay
from ._paired import PairedScoreDisplay

__all__ = ["PairedScoreDisplay", "SensitivityHeatmapDisplay"]
