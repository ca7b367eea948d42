"""Display classes in scikit-learn's manner: compute once, draw with ``plot(ax=)``."""

from ._embedding_map import EmbeddingMapDisplay
from ._heatmap import SensitivityHeatmapDisplay
from ._kinetic_responses import (
    ControlCoefficientDisplay,
    DoseResponseDisplay,
    InterventionResponseDisplay,
    TrajectoryBandDisplay,
)
from ._method_scores import MethodAccuracyDisplay, PairedScoreDisplay, PairwiseAccuracyDisplay
from ._network import NetworkDisplay
from ._network_properties import PropertyCorrelationDisplay
from ._reliability import ReliabilityDisplay
from ._responses import AttentionDisplay, InteractionDisplay, ResponseErrorDisplay, ResponseScatterDisplay
from ._score_curve import ScoreCurveDisplay

__all__ = [
    "AttentionDisplay",
    "ControlCoefficientDisplay",
    "DoseResponseDisplay",
    "EmbeddingMapDisplay",
    "InteractionDisplay",
    "InterventionResponseDisplay",
    "MethodAccuracyDisplay",
    "NetworkDisplay",
    "PairedScoreDisplay",
    "PairwiseAccuracyDisplay",
    "PropertyCorrelationDisplay",
    "ReliabilityDisplay",
    "ResponseErrorDisplay",
    "ResponseScatterDisplay",
    "ScoreCurveDisplay",
    "SensitivityHeatmapDisplay",
    "TrajectoryBandDisplay",
]
