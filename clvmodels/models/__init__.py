"""The models, each its parameters and its equations, and what a model of your own is made of.

A class of your own, based on ``Parametric`` and registered with ``clvmodels.register``, is fitted, stored, compared and
reported like those of the package.
"""

from clvmodels.models.drop_out_any_time import DropOutAnyTime
from clvmodels.models.drop_out_at_purchase import DropOutAtPurchase
from clvmodels.models.future import Future, PurchaseModel, PurchaseRows, Purchases, PurchaseValue, SpendModel, ValueRows
from clvmodels.models.learning import learn_histories
from clvmodels.models.no_drop_out import NoDropOut
from clvmodels.models.parametric import Parametric, unknown
from clvmodels.models.specification import (
    Derivatives,
    Evidence,
    Hessians,
    Parameter,
    Products,
    Specification,
    registered,
)

__all__ = [
    "Derivatives",
    "DropOutAnyTime",
    "DropOutAtPurchase",
    "Evidence",
    "Future",
    "Hessians",
    "NoDropOut",
    "Parameter",
    "Parametric",
    "Products",
    "PurchaseModel",
    "PurchaseRows",
    "PurchaseValue",
    "Purchases",
    "Specification",
    "SpendModel",
    "ValueRows",
    "learn_histories",
    "registered",
    "unknown",
]
