"""What type checkers must accept of a user's script, and what they must know of it; they read it, nothing runs it."""

from datetime import date
from typing import Any, assert_type

import pandas as pd

import clvmodels as clv

orders: pd.DataFrame = clv.datasets.load_cdnow()
log = clv.Transactions(orders, customer="customer_id", date="date", amount="amount")
past, future = log.split(date(1997, 9, 30))
rfm = past.summarize(unit="week")

purchases = clv.fit(clv.BGNBD, rfm)
spend = clv.fit(clv.GammaGamma(of="all"), rfm, clv.Laplace(draws=1000))
assert_type(purchases, clv.Fit[clv.BGNBD])
assert_type(purchases.estimate, clv.BGNBD)
assert_type(purchases.draws, clv.BGNBD)
assert_type(spend, clv.Fit[clv.GammaGamma])

value = clv.value(purchases, spend, rfm, clv.Plan(["1 year", "2 years"], discount=0.10, margin=0.30))
assert_type(value, clv.Valuation)
assert_type(value.frame(), pd.DataFrame)
lower, upper = value.at("1 year").total().interval(0.90)
assert_type(lower, float)
assert_type(value - value, clv.Forecast)
forecast = clv.predict(purchases, rfm, "39 weeks", futures=500)
assert_type(forecast, clv.Forecast)
print(forecast.summarize({"p90": clv.summaries.Quantile(0.9), "p_5": clv.summaries.Above(5.0)}))
print(clv.probability_alive(purchases, rfm, after=["26 weeks", "1 year"]).frame())

models = [clv.fit(model, rfm, clv.MaximumLikelihood()) for model in (clv.BGNBD, clv.MBGNBD, clv.ParetoNBD, clv.NBD)]
print([found.aic for found in models])

comparison = clv.compare([clv.BGNBD, clv.NBD(), purchases, clv.SimpleFormula()], past, future)
assert_type(comparison, clv.Comparison)
clv.save({"purchases": purchases, "spend": spend}, "model.json")
assert_type(clv.load("purchases.json"), clv.Fit[Any])
assert_type(clv.load_fits("model.json"), dict[str, clv.Fit[Any]])

model = clv.BGNBD(r=0.24, alpha=4.41, a=0.79, b=2.43)
print(model.future(clv.Histories(x=2, t_x=30.4, T=38.9)).purchases(39.0))
print(clv.simulate_log(model, customers=100, start="2024-01-01", end="2024-12-31", unit="week"))
