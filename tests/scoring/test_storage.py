"""Stored fits: what comes back is what went in, bit by bit, and what is no stored fit is said to be none."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clvmodels.errors import FitError, SettingError, StorageError
from clvmodels.inference.bootstrap import Bootstrap
from clvmodels.inference.fit import Fit, fit
from clvmodels.inference.methods import Inferred, Laplace, MaximumLikelihood
from clvmodels.inference.nuts import NUTS
from clvmodels.inference.prior import Gamma, LogNormal, Prior
from clvmodels.inference.verdict import Outcome, Verdict
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD
from clvmodels.scoring.storage import load, load_fits, save
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.value import value

QUICK = Laplace(draws=40)


@pytest.fixture(scope="module")
def purchases(cdnow_rfm):
    return fit(BGNBD, cdnow_rfm, QUICK)


@pytest.fixture(scope="module")
def spend(cdnow_rfm):
    return fit(GammaGamma, cdnow_rfm, QUICK)


@pytest.fixture
def document(purchases, tmp_path):
    """The stored document, to be damaged, and a function that loads it as it then is."""
    path = tmp_path / "model.json"
    save(purchases, path)

    def reload(changed):
        path.write_text(json.dumps(changed), encoding="utf-8")
        return load(path)

    return json.loads(path.read_text(encoding="utf-8")), reload


def assert_same(one: Fit, other: Fit):
    assert type(one.specification) is type(other.specification)
    assert one.specification.recipe() == other.specification.recipe()
    for name in ("verdict", "unit", "customers", "method", "seed", "log_likelihood", "draws_of", "observed_until"):
        assert getattr(one, name) == getattr(other, name)
    for name in ("versions", "standard_errors", "sandwich_errors", "by_parameter", "prior", "diagnostics"):
        assert getattr(one, name) == getattr(other, name)
    assert (one.scale, one.densities) == (other.scale, other.densities)
    for name in ("maximum", "sample"):
        before, after = getattr(one, name), getattr(other, name)
        assert (before is None) == (after is None)
        if before is not None:
            assert repr(before) == repr(after)
            for parameter, was in before.values().items():
                np.testing.assert_array_equal(was, after.values()[parameter], strict=True)
    assert repr(one) == repr(other)


# --- there and back --------------------------------------------------------------------------------------------------

MODELS = [BGNBD, MBGNBD, NBD, ParetoNBD, GammaGamma, GammaGamma(of="all")]
METHODS = [
    QUICK,
    MaximumLikelihood(),
    Bootstrap(20),
    Laplace(40, Prior({"q": Gamma(3.0, 4.0)}, LogNormal(spread=1.5), scale=20.0), otherwise=NUTS(chains=2)),
    NUTS(draws=20, chains=2, tune=20, prior=Prior(others=LogNormal(2.0))),
]


@pytest.mark.parametrize("model", MODELS, ids=repr)
@pytest.mark.parametrize("method", [QUICK, MaximumLikelihood()], ids=["draws", "point"])
def test_every_model_comes_back_bit_by_bit(cdnow_rfm, tmp_path, model, method):
    fitted = fit(model, cdnow_rfm, method, seed=3)
    save(fitted, tmp_path / "model.json")
    assert_same(fitted, load(tmp_path / "model.json"))
    assert [path.name for path in tmp_path.iterdir()] == ["model.json"]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_every_method_comes_back_with_its_settings(cdnow_rfm, tmp_path, method):
    fitted = fit(GammaGamma(of="all"), cdnow_rfm, method)
    save(fitted, tmp_path / "model.json")
    back = load(tmp_path / "model.json")
    assert_same(fitted, back)
    assert back.method == method
    assert back.specification.of == "all"


def test_what_is_loaded_is_used_as_what_was_saved(cdnow_rfm, purchases, tmp_path):
    save(purchases.in_unit("day"), tmp_path / "model.json")
    back = load(tmp_path / "model.json").in_unit("week")
    assert back.leave_one_out(cdnow_rfm).elpd == pytest.approx(purchases.leave_one_out(cdnow_rfm).elpd, rel=1e-12)


def test_several_fits_come_back_by_name(purchases, spend, tmp_path):
    save({"purchases": purchases, "spend": spend}, str(tmp_path / "both.json"))
    back = load_fits(str(tmp_path / "both.json"))
    assert list(back) == ["purchases", "spend"]
    assert_same(purchases, back["purchases"])
    assert_same(spend, back["spend"])
    with pytest.raises(StorageError, match=r"several fits: purchases, spend\. Read them with clv\.load_fits\(path\)"):
        load(tmp_path / "both.json")


def test_a_single_fit_among_fits_has_the_name_of_its_kind(purchases, spend, tmp_path):
    for name, fitted in {"purchases": purchases, "spend": spend}.items():
        save(fitted, tmp_path / "model.json")
        (found,) = load_fits(tmp_path / "model.json").items()
        assert found[0] == name
        assert_same(fitted, found[1])


def test_a_stored_model_gives_the_same_valuation(cdnow_rfm, purchases, spend, tmp_path):
    save({"purchases": purchases, "spend": spend}, tmp_path / "both.json")
    back, few, plan = load_fits(tmp_path / "both.json"), cdnow_rfm.take(slice(50)), Plan("1 year", 0.10)
    before = value(purchases, spend, few, plan, futures=40, seed=1)
    after = value(back["purchases"], back["spend"], few, plan, futures=40, seed=1)
    pd.testing.assert_frame_equal(before.frame(), after.frame(), check_exact=True)
    assert before.total().realised.tolist() == after.total().realised.tolist()


def test_a_fit_that_failed_is_stored_with_its_verdict(cdnow_rfm, tmp_path):
    nobody = cdnow_rfm.take(cdnow_rfm.frequency == 0)
    failed = fit(BGNBD, nobody)
    save(failed, tmp_path / "model.json")
    back = load(tmp_path / "model.json")
    assert_same(failed, back)
    assert back.verdict.outcome is Outcome.TOO_LITTLE_DATA
    with pytest.raises(FitError, match="bought once"):
        back.require()


@pytest.mark.parametrize("k_hat", [np.inf, -np.inf])
def test_an_infinite_k_hat_is_stored(purchases, tmp_path, k_hat):
    poor = replace(purchases, diagnostics={"k_hat": k_hat}, verdict=Verdict(Outcome.POOR_APPROXIMATION, "k-hat."))
    save(poor, tmp_path / "model.json")
    assert_same(poor, load(tmp_path / "model.json"))


def test_chains_that_cannot_be_judged_are_stored(purchases, tmp_path):
    measures = {"r_hat": dict.fromkeys(["r", "alpha", "a", "b"], np.nan), "ess_bulk": {"r": 3.0}}
    save(replace(purchases, by_parameter=measures, diagnostics={"r_hat": np.nan}), tmp_path / "model.json")
    back = load(tmp_path / "model.json")
    assert np.isnan([*back.by_parameter["r_hat"].values(), back.diagnostics["r_hat"]]).all()
    assert list(back.by_parameter["r_hat"]) == ["r", "alpha", "a", "b"]
    assert back.by_parameter["ess_bulk"] == {"r": 3.0}


def test_a_seed_of_numpy_is_a_seed(cdnow_rfm, tmp_path):
    save(fit(BGNBD, cdnow_rfm, MaximumLikelihood(), seed=np.int64(9)), tmp_path / "model.json")
    assert load(tmp_path / "model.json").seed == 9


def leaves(value):
    """Return all numbers, texts and nothings in a document."""
    if isinstance(value, dict | list):
        return [leaf for each in (value.values() if isinstance(value, dict) else value) for leaf in leaves(each)]
    return [value]


def test_the_file_is_strict_json_without_customers(cdnow_rfm, tmp_path):
    secret = [f"secret-{i}" for i in range(len(cdnow_rfm))]
    named = replace(cdnow_rfm, customer_id=np.array(secret, dtype=object))
    sizes = {}
    for customers in (2357, 800):
        some, path = named.take(slice(customers)), tmp_path / "model.json"
        save({"purchases": fit(BGNBD, some, QUICK), "spend": fit(GammaGamma(of="all"), some, QUICK)}, path)
        text = path.read_text(encoding="utf-8")
        assert "secret" not in text
        assert "NaN" not in text
        assert "Infinity" not in text
        sizes[customers] = len(leaves(json.loads(text)))
    assert sizes[2357] == sizes[800] < 400  # 7 parameters of 40 draws, and no number a customer or a row


def test_the_file_says_what_it_holds(document):
    written, _ = document
    assert written["format"] == "clvmodels fit, version 2"
    assert list(written) == ["format", "fit"]
    fitted = written["fit"]
    about = {"specification", "method", "seed", "versions", "unit", "observed_until", "customers", "scale", "densities"}
    found = {"verdict", "estimate", "log_likelihood", "standard_errors", "sandwich_errors", "draws", "draws_of"}
    assert set(fitted) == about | found | {"diagnostics", "by_parameter"}
    assert fitted["specification"] == {"model": "BGNBD"}
    assert fitted["method"] == {"is": "Laplace", "draws": 40}
    assert {name: len(values) for name, values in fitted["draws"].items()} == dict.fromkeys(
        ["r", "alpha", "a", "b"], 40
    )


# --- writing that fails ----------------------------------------------------------------------------------------------


def test_a_file_is_replaced_whole(purchases, spend, tmp_path):
    path = tmp_path / "model.json"
    save(purchases, path)
    save(spend, path)
    assert type(load(path).specification) is GammaGamma
    assert [found.name for found in tmp_path.iterdir()] == ["model.json"]


def test_what_cannot_be_written_leaves_nothing_behind(purchases, tmp_path):
    folder = tmp_path / "model.json"
    folder.mkdir()
    with pytest.raises(StorageError, match=r"model.json cannot be written: it is a folder\."):
        save(purchases, folder)
    with pytest.raises(StorageError, match=r"cannot be written: No such file or directory\."):
        save(purchases, tmp_path / "nowhere" / "model.json")
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("wrong", [BGNBD(1, 1, 1, 1), "model", None, {"purchases": 3}])
def test_what_is_no_fit_is_not_saved(wrong, tmp_path):
    with pytest.raises(SettingError, match=r"What is saved is a fit, such as clv.fit\(...\) returns, and this is a"):
        save(wrong, tmp_path / "model.json")
    assert not list(tmp_path.iterdir())


class Own:
    """A method of somebody's own that is no Settings."""

    prior = None

    def infer(self, likelihood, mode, rng):
        return Inferred(None, None, Verdict(Outcome.CONVERGED, "As ever."), {})

    def __repr__(self):
        return "Own()"


@pytest.mark.parametrize("method", [Own(), Laplace(draws=40, otherwise=Own())], ids=repr)
def test_a_method_that_is_no_settings_is_not_saved(cdnow_rfm, tmp_path, method):
    fitted = fit(NBD, cdnow_rfm, method)
    assert fitted.verdict.ok
    with pytest.raises(SettingError, match=r"Own\(\) cannot be stored.*based on (clv\.)?Settings\."):
        save(fitted, tmp_path / "model.json")
    assert not list(tmp_path.iterdir())


# --- reading what is none --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a stored model: it is not JSON"),
        (b"\x93NUMPY\x01\x00\xff\xfe", "is not a stored model: it is not JSON"),
        (b'{"format": "clvmodels fit, version 2", "fit": {', "is not a stored model: it is not JSON"),
        (b"[" * 200_000, "is not a stored model: it is not JSON"),
        (b"[1, 2]", "is not a stored model of this version"),
        (b'"clvmodels fit, version 2"', "is not a stored model of this version"),
        (b'{"r": 0.24, "alpha": 4.4}', "is not a stored model of this version"),
        (
            b'{"format": "clvmodels fit, version 1", "fit": {}}',
            r"not a stored model of this version.*Fit and save it again",
        ),
        (
            b'{"format": "clvmodels fit, version 3", "fit": {}}',
            r"not a stored model of this version.*Fit and save it again",
        ),
        (b'{"format": "clvmodels fit, version 2"}', "is damaged"),
        (b'{"format": "clvmodels fit, version 2", "fit": 3}', "is damaged"),
        (b'{"format": "clvmodels fit, version 2", "fits": [1]}', "is damaged"),
    ],
)
def test_a_foreign_file_is_said_to_be_one(tmp_path, content, message):
    path = tmp_path / "model.json"
    path.write_bytes(content)
    for reader in (load, load_fits):
        with pytest.raises(StorageError, match=message):
            reader(path)


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(StorageError, match=r"none.json cannot be read: No such file or directory\."):
        load(tmp_path / "none.json")
    with pytest.raises(StorageError, match=r"cannot be read: Is a directory\."):
        load(tmp_path)


@pytest.mark.parametrize(
    ("where", "what"),
    [
        (("specification",), None),
        (("specification",), {}),
        (("method",), None),
        (("method",), {"draws": 40}),
        (("method", "speed"), 3),
        (("verdict",), []),
        (("verdict",), ["FINE", "Trust me."]),
        (("estimate",), {"r": 1.0}),
        (("estimate", "r"), "a quarter"),
        (("estimate", "r"), -1.0),
        (("draws", "r"), [0.24] * 7),
        (("draws", "r"), [float("nan")] * 40),
        (("draws",), {}),
        (("draws",), []),
        (("draws", "b"), "many"),
        (("diagnostics",), {"k_hat": "good"}),
        (("diagnostics",), None),
        (("by_parameter",), {"r_hat": {"r": "good"}}),
        (("unit",), ...),
        (("versions",), ...),
    ],
)
def test_a_damaged_file_is_said_to_be_damaged(document, where, what):
    changed, reload = document
    place = changed["fit"]
    for name in where[:-1]:
        place = place[name]
    if what is ...:
        del place[where[-1]]
    else:
        place[where[-1]] = what
    with pytest.raises(StorageError, match=r"model.json is damaged: .*\. Fit and save it again\."):
        reload(changed)


def test_what_is_not_damaged_is_read(document, purchases):
    unchanged, reload = document
    assert_same(purchases, reload(unchanged))


@pytest.mark.parametrize(
    ("where", "what", "reason"),
    [
        ("specification", {"model": "PoissonNBD"}, "No model named PoissonNBD is registered"),
        ("specification", {"model": "BGNBD", "of": "all"}, "BGNBD does not take these settings"),
        ("specification", {"model": "GammaGamma", "of": "some"}, "'some' is not known"),
        ("method", {"is": "Stroll"}, "Stroll is not known. Import the module that defines it"),
        ("method", {"is": "Laplace", "draws": 0}, "draws=0 is not"),
    ],
)
def test_what_is_not_known_here_is_named(document, where, what, reason):
    changed, reload = document
    changed["fit"][where] = what
    with pytest.raises(StorageError, match=rf"model.json cannot be read here\. .*{reason}"):
        reload(changed)
