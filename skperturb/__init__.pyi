from . import (
    callbacks as callbacks,
    datasets as datasets,
    exceptions as exceptions,
    interactions as interactions,
    metrics as metrics,
    model_selection as model_selection,
    networks as networks,
    persistence as persistence,
    plotting as plotting,
    report as report,
    reproduce as reproduce,
    responses as responses,
    sbml as sbml,
    testing as testing,
)
from .interactions import GNEEmbedder as GNEEmbedder
from .networks import (
    DynamoDistance as DynamoDistance,
    DynamoFirstNeighbor as DynamoFirstNeighbor,
    DynamoPropagation as DynamoPropagation,
    GCNEnhancer as GCNEnhancer,
    InfluenceNetwork as InfluenceNetwork,
    StructuralSensitivity as StructuralSensitivity,
)
from .responses import (
    AdditiveRegressor as AdditiveRegressor,
    APPRegressor as APPRegressor,
    KernelPerturbationRegressor as KernelPerturbationRegressor,
    LinearPerturbationRegressor as LinearPerturbationRegressor,
    PerturbationEncoder as PerturbationEncoder,
    pseudobulk as pseudobulk,
    to_anndata as to_anndata,
)
from .sbml import (
    Intervention as Intervention,
    JacobianExtractor as JacobianExtractor,
    KineticModel as KineticModel,
    perturb as perturb,
    screen_models as screen_models,
    sensitivity_matrix as sensitivity_matrix,
)

__version__: str
