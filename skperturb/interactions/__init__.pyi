from ._correlation import ExpressionCorrelation as ExpressionCorrelation
from ._embeddings import IsomapGeneEmbedder as IsomapGeneEmbedder, SpectralGeneEmbedder as SpectralGeneEmbedder
from ._gne.estimator import GNEEmbedder as GNEEmbedder
from ._line import LINEGeneEmbedder as LINEGeneEmbedder
from ._node2vec import Node2VecGeneEmbedder as Node2VecGeneEmbedder
from ._similarity_indices import (
    AdamicAdar as AdamicAdar,
    CommonNeighbors as CommonNeighbors,
    DegreeProduct as DegreeProduct,
    JaccardIndex as JaccardIndex,
    L3Paths as L3Paths,
    ResourceAllocation as ResourceAllocation,
)
