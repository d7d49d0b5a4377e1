"""A user's own model of purchases, registered with clv.register, does whatever the package's own models do."""

import json
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import gammaln

import clvmodels as clv
from clvmodels import cli
from clvmodels.models import registered, specification

OWN = """
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

import clvmodels as clv
from clvmodels.models import Derivatives, Hessians, NoDropOut, Parameter, Parametric, learn_histories, unknown


@clv.register
@dataclass(frozen=True, eq=False, repr=False)
class OneRate(Parametric):
    alpha: float = unknown()

    name, kind = "One Rate", "purchases"
    assumption = "Customers buy for ever, most of them hardly ever: their rates are exponentially distributed."
    parameters, start, recency_matters = (Parameter("alpha", dimension="time"),), (1.0,), False

    def learn(self, rfm):
        return learn_histories(rfm, len(self.parameters))

    def unidentified(self, unit):
        return "Use a longer log."

    def log_likelihood(self, x, t_x, T):
        return np.log(self.alpha) + gammaln(x + 1) - (1 + x) * np.log(self.alpha + T)

    def derivatives(self, x, t_x, T):
        alpha = np.ravel(self.alpha)
        score, second = 1 / alpha - (1 + x) / (alpha + T), (1 + x) / (alpha + T) ** 2 - 1 / alpha**2
        return Derivatives(self.log_likelihood(x, t_x, T).ravel(), score[None], lambda: Hessians({(0, 0): second}))

    def probability_alive(self, histories):
        return np.ones_like(histories.x)

    def future(self, histories):
        return NoDropOut(1 + histories.x, self.alpha + histories.T)
"""

FADING = '''
import clvmodels as clv
from clvmodels.models import NoDropOut
from one_rate import OneRate


@clv.register
class Fading(OneRate):
    """The longer the silence since the last purchase, the lower the rate."""

    name, recency_matters = "Fading", True

    def future(self, histories):
        return NoDropOut(1 + histories.x, self.alpha + histories.T + (histories.T - histories.t_x))
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the modules in which a user has written the models."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "one_rate.py").write_text(OWN, encoding="utf-8")
    (folder / "fading.py").write_text(FADING, encoding="utf-8")
    return folder


@pytest.fixture(scope="module", autouse=True)
def own(folder):
    """The models, registered for the tests of this file alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setattr(specification, "_REGISTRY", dict(specification._REGISTRY))
        yield {
            name: getattr(import_module(module), name)
            for module, name in [("one_rate", "OneRate"), ("fading", "Fading")]
        }
        for module in ("one_rate", "fading"):
            del sys.modules[module]


@pytest.fixture(scope="module")
def fitted(own, cdnow_rfm):
    return clv.fit(own["OneRate"], cdnow_rfm, clv.Laplace(draws=200))


@pytest.fixture(scope="module")
def point(own, cdnow_rfm):
    return clv.fit(own["OneRate"], cdnow_rfm, clv.MaximumLikelihood())


def test_it_is_written_in_forty_lines() -> None:
    assert len(OWN.strip().splitlines()) <= 40


def test_it_is_fitted_where_an_independent_search_ends(fitted, cdnow_rfm) -> None:
    x, T = cdnow_rfm.frequency, cdnow_rfm.T

    def loss(log_alpha):
        alpha = np.exp(log_alpha)
        return -np.sum(np.log(alpha) + gammaln(x + 1) - (1 + x) * np.log(alpha + T))

    found = minimize_scalar(loss, bracket=(0.0, 3.0), options={"xtol": 1e-9})
    assert fitted.verdict.ok
    assert fitted.estimate.alpha == pytest.approx(np.exp(found.x), rel=1e-6)
    assert fitted.log_likelihood == pytest.approx(-found.fun, abs=1e-6)
    alpha = fitted.estimate.alpha
    information = np.sum(1 / alpha**2 - (1 + x) / (alpha + T) ** 2)
    assert fitted.standard_errors["alpha"] == pytest.approx(information**-0.5, rel=1e-6)
    assert fitted.draws.alpha.mean() == pytest.approx(alpha, rel=0.02)
    assert fitted.draws.alpha.std() == pytest.approx(information**-0.5, rel=0.2)


def test_every_method_and_unit_takes_it(own, fitted, cdnow_rfm) -> None:
    resampled = clv.fit(own["OneRate"], cdnow_rfm, clv.Bootstrap(replicates=40))
    assert resampled.draws_of == "sampling distribution"
    assert resampled.draws.alpha.mean() == pytest.approx(fitted.estimate.alpha, rel=0.05)
    assert fitted.in_unit("day").estimate.alpha == pytest.approx(7 * fitted.estimate.alpha)


def test_it_is_judged_by_leaving_one_out(fitted, cdnow_rfm) -> None:
    left = fitted.leave_one_out(cdnow_rfm)
    assert left.elpd == pytest.approx(fitted.log_likelihood, abs=3.0)
    gain = clv.fit(clv.BGNBD, cdnow_rfm).leave_one_out(cdnow_rfm).gain_over(left)
    assert gain.elpd > 3 * gain.standard_error


def test_its_purchases_are_predicted_and_valued(point, cdnow_rfm, cdnow_spend_point) -> None:
    rate = (1 + cdnow_rfm.frequency) / (point.estimate.alpha + cdnow_rfm.T)
    predicted = clv.predict(point, cdnow_rfm, "39 weeks", futures=2000)
    np.testing.assert_allclose(predicted.frame()["purchases_mean"], 39 * rate, rtol=1e-9)
    np.testing.assert_array_equal(predicted.frame()["p_alive"], np.ones(len(cdnow_rfm)))
    plan = clv.Plan(horizon="2 years", discount=0.10, margin=0.30)
    valued = clv.value(point, cdnow_spend_point, cdnow_rfm, plan, futures=50)
    spend = cdnow_spend_point.estimate.value(cdnow_rfm.frequency.astype(float), cdnow_rfm.money).mean()
    delta = np.log(1.10) * 7 / 365.25
    discounted = rate * -np.expm1(-delta * 730.5 / 7) / delta
    np.testing.assert_allclose(valued.frame()["clv_mean"], 0.30 * discounted * spend, rtol=1e-9)


def test_its_futures_are_those_of_the_equations(point, cdnow_rfm) -> None:
    predicted = clv.predict(point, cdnow_rfm, "39 weeks", futures=2000)
    simulated = predicted.total().realised
    expected = 39 * np.sum((1 + cdnow_rfm.frequency) / (point.estimate.alpha + cdnow_rfm.T))
    assert abs(simulated.mean() - expected) < 4 * simulated.std() / np.sqrt(2000)


def test_a_new_customer_is_valued(point, cdnow_spend_point) -> None:
    plan = clv.Plan(horizon="39 weeks", margin=0.5)
    new = clv.value_new_customer(point, cdnow_spend_point, plan, futures=100).frame()
    p, q, gamma = cdnow_spend_point.estimate.values().values()
    money = 0.5 * p * gamma / (q - 1)
    expected = [money * 39 / point.estimate.alpha, money * (1 + 39 / point.estimate.alpha)]
    assert new["money_mean"].tolist() == pytest.approx(expected, rel=1e-9)


def test_it_is_compared_beside_another_and_reported(own, cdnow_split, tmp_path) -> None:
    comparison = clv.compare([clv.BGNBD, own["OneRate"]], *cdnow_split, futures=50)
    scores = comparison.frame().set_index("candidate")
    assert scores.index.tolist() == ["BG/NBD", "One Rate"]
    assert scores["note"].isna().all()
    past = cdnow_split[0].summarize(unit="week")
    alpha = clv.fit(own["OneRate"], past).draws.alpha
    expected = np.mean(39 * (1 + past.frequency) / (alpha + past.T), axis=0).sum()
    assert scores.loc["One Rate", "purchases_predicted_total"] == pytest.approx(expected, rel=1e-3)
    assert scores.loc["BG/NBD", "purchases_crps"] < scores.loc["One Rate", "purchases_crps"]
    assert np.isfinite(scores.drop(columns="note").astype(float)).all(axis=None)
    page = tmp_path / "report.html"
    comparison.to_html(page)
    assert f"<div><dt>One Rate</dt><dd>{own['OneRate'].assumption}</dd></div>" in page.read_text(encoding="utf-8")


def test_it_is_checked(fitted, cdnow_rfm, cdnow_split) -> None:
    checks = clv.checks.check(fitted, cdnow_rfm, cdnow_split[1], draws=50)
    assert [check.name for check in checks] == [
        *("frequency_histogram", "tracking"),
        *("conditional_expectations by frequency", "conditional_expectations by recency"),
    ]
    assert checks[0].numbers["df"] == 6
    k = np.arange(7)[:, None]
    chance = fitted.estimate.alpha / (fitted.estimate.alpha + cdnow_rfm.T)
    np.testing.assert_allclose(checks[0].table["expected"][:7], (chance * (1 - chance) ** k).sum(axis=1), rtol=0.01)


def test_customers_are_simulated_from_it(own) -> None:
    rfm = clv.simulate_customers(own["OneRate"](alpha=20.0), ages=np.full(20_000, 30.0), unit="week", seed=1)
    assert rfm.frequency.mean() == pytest.approx(30 / 20, rel=0.03)
    again = clv.fit(own["OneRate"], rfm)
    assert abs(again.estimate.alpha - 20) < 4 * again.standard_errors["alpha"]


def test_the_command_line_knows_it(tmp_path) -> None:
    assert list(registered("purchases")) == ["BGNBD", "MBGNBD", "NBD", "ParetoNBD", "OneRate", "Fading"]
    log, stored = tmp_path / "orders.csv", tmp_path / "fits.json"
    clv.datasets.load_cdnow().to_csv(log, index=False)
    arguments = ["fit", log, "--customer", "customer_id", "--date", "date", "--model", "OneRate", "--out", stored]
    cli.app([*map(str, arguments)], standalone_mode=False)
    assert clv.load_fits(stored)["purchases"].name == "One Rate"


# --- storage ---------------------------------------------------------------------------------------------------------


def fresh(program, folder):
    """Run a program in a process of its own; return what it prints."""
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_it_is_stored_and_loaded_where_its_module_is_imported(fitted, folder, tmp_path) -> None:
    clv.save(fitted, tmp_path / "fit.json")
    program = (
        "import json, sys, one_rate, clvmodels as clv;"
        f"fit = clv.load({str(tmp_path / 'fit.json')!r});"
        "print(json.dumps([type(fit.draws).__name__, fit.estimate.alpha, fit.draws.alpha.ravel().tolist()]))"
    )
    assert json.loads(fresh(program, folder)) == ["OneRate", fitted.estimate.alpha, fitted.draws.alpha.ravel().tolist()]


def test_where_it_is_not_registered_the_error_names_it_and_the_remedy(fitted, folder, tmp_path) -> None:
    path = tmp_path / "fit.json"
    clv.save(fitted, path)
    program = (
        f"import clvmodels as clv\ntry: clv.load({str(path)!r})\nexcept clv.errors.StorageError as error: print(error)"
    )
    told = fresh(program, folder)
    assert told.startswith(f"{path} cannot be read here. No model named OneRate is registered; there are ")
    assert told.endswith("Import the module that defines it, with @clv.register before its class.")


# --- a future that depends on recency --------------------------------------------------------------------------------


def test_a_rate_that_depends_on_recency_is_evaluated_for_each_history(own, cdnow_rfm) -> None:
    x, t_x, T = cdnow_rfm.frequency, cdnow_rfm.recency, cdnow_rfm.T
    point = clv.fit(own["Fading"], cdnow_rfm, clv.MaximumLikelihood())
    rate = (1 + x) / (point.estimate.alpha + 2 * T - t_x)
    predicted = clv.predict(point, cdnow_rfm, "39 weeks", futures=500)
    np.testing.assert_allclose(predicted.frame()["purchases_mean"], 39 * rate, rtol=1e-12)
    simulated = predicted.total().realised
    assert abs(simulated.mean() - 39 * rate.sum()) < 4 * simulated.std() / np.sqrt(500)
    none = (1 + 39 / (point.estimate.alpha + 2 * T - t_x)) ** -(1.0 + x)
    found = clv.purchase_distribution(point, cdnow_rfm, "39 weeks").frame()
    np.testing.assert_allclose(found["p_0"], none, rtol=1e-9)


def test_so_it_is_under_each_draw(own, cdnow_rfm) -> None:
    x, t_x, T = cdnow_rfm.frequency, cdnow_rfm.recency, cdnow_rfm.T
    fitted = clv.fit(own["Fading"], cdnow_rfm, clv.Laplace(draws=100))
    rate = (1 + x) / (fitted.draws.alpha + 2 * T - t_x)
    found = clv.predict(fitted, cdnow_rfm, "39 weeks", futures=100).frame()
    np.testing.assert_allclose(found["purchases_mean"], 39 * rate.mean(axis=0), rtol=1e-12)
