"""Display classes in scikit-learn's manner: compute once, draw with ``plot(ax=)``."""

from ._embedding_map import EmbeddingMapDisplay
from ._heatmap import SensitivityHeatmapDisplay
from ._method_scores import MethodAccuracyDisplay, PairedScoreDisplay, PairwiseAccuracyDisplay
from ._network_properties import PropertyCorrelationDisplay
from ._responses import AttentionDisplay, InteractionDisplay, ResponseErrorDisplay, ResponseScatterDisplay
from ._score_curve import ScoreCurveDisplay

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
