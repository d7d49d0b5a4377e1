"""Customer lifetime value with honest uncertainty.

>>> import clvmodels as clv
>>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date", amount="amount")
>>> past, future = log.split("1997-09-30")
>>> rfm = past.summarize(unit="week")
>>> purchases, spend = clv.fit(clv.BGNBD, rfm), clv.fit(clv.GammaGamma, rfm)
>>> valuation = clv.value(purchases, spend, rfm, clv.Plan(horizon="2 years", discount=0.10, margin=0.30))
"""

from clvmodels import errors
from clvmodels.data import datasets
from clvmodels.data.histories import Histories
from clvmodels.data.read import read
from clvmodels.data.rfm import RFM
from clvmodels.data.transactions import Transactions
from clvmodels.evaluation import checks
from clvmodels.evaluation.calibration import calibrate
from clvmodels.evaluation.candidates import FitCandidate, ModelCandidate
from clvmodels.evaluation.compare import Comparison, compare
from clvmodels.inference.bootstrap import Bootstrap
from clvmodels.inference.fit import Fit, fit
from clvmodels.inference.methods import Laplace, MaximumLikelihood
from clvmodels.inference.nuts import NUTS, as_pymc
from clvmodels.inference.prior import Gamma, LogitNormal, LogNormal, Normal, Prior
from clvmodels.inference.settings import Settings
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD
from clvmodels.models.specification import register
from clvmodels.prediction import summaries
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.generate import simulate_customers, simulate_log
from clvmodels.prediction.predict import predict
from clvmodels.prediction.quantities import probability_alive, probability_of_purchases, purchase_distribution
from clvmodels.prediction.times import mean_remaining_lifetime, next_purchase, remaining_lifetime
from clvmodels.scoring.storage import load, load_fits, save
from clvmodels.valuation.new_customer import NewCustomerValue, value_new_customer
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.simple_formula import SimpleFormula
from clvmodels.valuation.value import Valuation, value
from clvmodels.version import __version__

__all__ = [
    "BGNBD",
    "MBGNBD",
    "NBD",
    "NUTS",
    "RFM",
    "Bootstrap",
    "Comparison",
    "Fit",
    "FitCandidate",
    "Forecast",
    "Gamma",
    "GammaGamma",
    "Histories",
    "Laplace",
    "LogNormal",
    "LogitNormal",
    "MaximumLikelihood",
    "ModelCandidate",
    "NewCustomerValue",
    "Normal",
    "ParetoNBD",
    "Plan",
    "Prior",
    "Settings",
    "SimpleFormula",
    "Transactions",
    "Valuation",
    "__version__",
    "as_pymc",
    "calibrate",
    "checks",
    "compare",
    "datasets",
    "errors",
    "fit",
    "load",
    "load_fits",
    "mean_remaining_lifetime",
    "next_purchase",
    "predict",
    "probability_alive",
    "probability_of_purchases",
    "purchase_distribution",
    "read",
    "register",
    "remaining_lifetime",
    "save",
    "simulate_customers",
    "simulate_log",
    "summaries",
    "value",
    "value_new_customer",
]
