"""Display classes in scikit-learn's manner: compute once, draw with ``plot(ax=)``."""

from ._heatmap import SensitivityHeatmapDisplay
from ._interactions import EmbeddingMapDisplay, ScoreCurveDisplay
from ._network_accuracy import MethodAccuracyDisplay, PairwiseAccuracyDisplay
from ._network_properties import PropertyCorrelationDisplay
from ._paired import PairedScoreDisplay
from ._responses import AttentionDisplay, InteractionDisplay, ResponseErrorDisplay, ResponseScatterDisplay

__all__ = [
    "AttentionDisplay",
    "EmbeddingMapDisplay",
    "InteractionDisplay",
    "MethodAccuracyDisplay",
    "PairedScoreDisplay",
    "PairwiseAccuracyDisplay",
    "PropertyCorrelationDisplay",
    "ResponseErrorDisplay",
    "ResponseScatterDisplay",
    "ScoreCurveDisplay",
    "SensitivityHeatmapDisplay",
]
