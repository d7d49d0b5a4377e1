"""Stored fits: what comes back is what went in, bit by bit, and what is no stored fit is said to be none."""

import json
import pickle
import re
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clvmodels.errors import FitError, PriorWarning, SettingError, StorageError
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
    for name in (
        "verdict",
        "unit",
        "customers",
        "method",
        "seed",
        "log_likelihood",
        "draws_of",
        "observed_from",
        "observed_until",
    ):
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
    failed = fit(BGNBD, nobody, MaximumLikelihood())
    save(failed, tmp_path / "model.json")
    back = load(tmp_path / "model.json")
    assert_same(failed, back)
    assert back.verdict.outcome is Outcome.TOO_LITTLE_DATA
    with pytest.raises(FitError, match="bought once"):
        back.require()


def test_a_caution_is_stored(cdnow_rfm, tmp_path):
    once = cdnow_rfm.take(cdnow_rfm.frequency == 0)
    with pytest.warns(PriorWarning):
        cautious = fit(NBD, once)
    save(cautious, tmp_path / "model.json")
    back = load(tmp_path / "model.json")
    assert_same(cautious, back)
    assert back.cautions == cautious.cautions
    assert back.verdict.level == "caution"


@pytest.mark.parametrize("k_hat", [np.inf, -np.inf])
def test_an_infinite_k_hat_is_stored(purchases, tmp_path, k_hat):
    poor = replace(purchases, diagnostics={"k_hat": k_hat}, verdict=Verdict(Outcome.POOR_APPROXIMATION, "k-hat."))
    save(poor, tmp_path / "model.json")
    assert_same(poor, load(tmp_path / "model.json"))


def test_chains_that_cannot_be_judged_are_stored(purchases, tmp_path):
    measures = {
        "r_hat": dict.fromkeys(["r", "alpha", "a", "b"], np.nan),
        "ess_bulk": dict.fromkeys(["r", "alpha", "a", "b"], 3.0),
    }
    save(replace(purchases, by_parameter=measures, diagnostics={"r_hat": np.nan}), tmp_path / "model.json")
    back = load(tmp_path / "model.json")
    assert np.isnan([*back.by_parameter["r_hat"].values(), back.diagnostics["r_hat"]]).all()
    assert list(back.by_parameter["r_hat"]) == ["r", "alpha", "a", "b"]
    assert back.by_parameter["ess_bulk"] == measures["ess_bulk"]


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
    about = {
        "specification",
        "method",
        "seed",
        "versions",
        "cautions",
        "unit",
        "observed_from",
        "observed_until",
        "customers",
        "scale",
        "densities",
    }
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
        (b"[1, 2]", r"is not a stored model: clv\.save did not write it\."),
        (b'"clvmodels fit, version 2"', r"clv\.save did not write it"),
        (b'{"r": 0.24, "alpha": 4.4}', r"clv\.save did not write it"),
        (b'{"format": 2}', r"clv\.save did not write it"),
        (b"customer,date\n1,2024-01-01\n", "it is not JSON"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "it is not JSON"),
        (pickle.dumps({"format": "clvmodels fit, version 2"}), "it is not JSON"),
        (b'{"format": "clvmodels fit, version 2", "fit": ' + b"9" * 5000 + b"}", "it is not JSON"),
        (b'{"fit": 1, "fit": 2}', "it is not JSON .the key 'fit' stands there twice"),
        (
            b'{"format": "clvmodels fit, version 1", "fit": {}}',
            r"an older version of clvmodels: its format is version 1, and this one reads version 2\. Fit and save",
        ),
        (
            b'{"format": "clvmodels fit, version 3", "fit": {}}',
            r"a newer version of clvmodels: its format is version 3, and this one reads version 2\. Update clvmodels",
        ),
        (b'{"format": "clvmodels fit, version 2"}', "is damaged: fits: it is missing"),
        (b'{"format": "clvmodels fit, version 2", "fit": 3}', "is damaged: fit: it should be a valid dictionary"),
        (b'{"format": "clvmodels fit, version 2", "fits": [1]}', "is damaged: fits: it should be a valid dictionary"),
        (b'{"format": "clvmodels fit, version 2", "fits": {}}', "is damaged: fits: "),
        (b'{"format": "clvmodels fit, version 2", "fit": {}, "fits": {}}', "is damaged: fit[.a-z_]*: .*more such"),
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
    ("where", "what", "field"),
    [
        (("specification",), None, "specification: it should be"),
        (("specification",), {}, "specification.model: it is missing"),
        (("method",), None, "method: it should be"),
        (("method",), {"draws": 40}, "method.is: it is missing"),
        (("verdict",), [], "verdict.0: it is missing"),
        (("verdict",), ["FINE", "Trust me."], "verdict.0: it should be one of CONVERGED, "),
        (("estimate",), {"r": 1.0}, "estimate: it is of r, and not of r, alpha, a, b"),
        (("estimate",), None, "estimate and log_likelihood stand together"),
        (("estimate", "r"), "a quarter", "estimate.r: it should be a valid number"),
        (("estimate", "r"), -1.0, "estimate: BGNBD: every r must be a positive"),
        (("estimate", "r"), 10**400, "estimate.r: it should be a valid number"),
        (("draws", "r"), [0.24] * 7, "all parameters have equally many draws, not {'r': 7, 'alpha': 40"),
        (("draws", "r"), [float("nan")] * 40, "draws.r.0: it should be a finite number, and 39 more such"),
        (("draws", "r"), [], "draws.r: "),
        (("draws",), {}, "draws: it is of nothing"),
        (("draws",), [], "draws: it should be"),
        (("draws",), None, "draws and draws_of stand together"),
        (("draws_of",), "hope", "draws_of: it should be 'posterior' or 'sampling distribution'"),
        (("draws", "b"), "many", "draws.b: it should be a valid list"),
        (("draws", "b"), [True] * 40, "draws.b.0: it should be a valid number"),
        (("standard_errors",), {"r": 1.0}, "standard_errors and sandwich_errors have the same parameters"),
        (("diagnostics",), {"k_hat": "good"}, "diagnostics.k_hat: it should be a valid number"),
        (("diagnostics",), None, "diagnostics: it should be"),
        (("diagnostics", "chains"), 3, "the draws are those of whole chains"),
        (("by_parameter",), {"r_hat": {"r": "good"}}, "by_parameter.r_hat.r: it should be a valid number"),
        (("by_parameter",), {"r_hat": {"r": 1.0}}, "by_parameter.r_hat: it is of r, and not of r, alpha, a, b"),
        (("unit",), ..., "unit: it is missing"),
        (("unit",), "fortnight", "unit: it should be one of hour, day, week, month, quarter, year"),
        (("unit",), ["week"], "unit: it should be a valid string"),
        (("customers",), -5, "customers: it should be greater than or equal to 0"),
        (("customers",), 10**400, "customers: it should be less than or equal to"),
        (("customers",), 3.5, "customers: it should be a valid integer"),
        (("seed",), -1, "seed: it should be greater than or equal to 0"),
        (("scale",), 0.0, "scale: it should be greater than 0"),
        (("observed_until",), "20240131", "observed_until: it should be a day such as 2024-06-30"),
        (("observed_until",), "yesterday", "observed_until: it should be a day"),
        (("versions",), ..., "versions: it is missing"),
        (("colour",), "blue", "colour: no such field is known"),
    ],
)
def test_a_damaged_file_names_the_field(document, where, what, field):
    changed, reload = document
    place = changed["fit"]
    for name in where[:-1]:
        place = place[name]
    if what is ...:
        del place[where[-1]]
    else:
        place[where[-1]] = what
    with pytest.raises(StorageError) as caught:
        reload(changed)
    message = str(caught.value)
    assert re.search(rf"model\.json is damaged: (fit[.:] ?)?{re.escape(field)}", message), message
    assert message.endswith(". Fit and save it again.")


def test_what_is_not_damaged_is_read(document, purchases):
    unchanged, reload = document
    assert_same(purchases, reload(unchanged))


@pytest.mark.parametrize(
    ("where", "what", "reason"),
    [
        ("specification", {"model": "PoissonNBD"}, "No model named PoissonNBD is registered"),
        ("specification", {"model": "BGNBD", "of": "all"}, "BGNBD does not take these settings"),
        ("specification", {"model": "GammaGamma", "of": "some"}, "'some' is not known"),
        ("specification", {"model": "BGNBD", "r": 1.0, "alpha": 1.0, "a": 1.0, "b": 1.0}, "does not take these"),
        ("method", {"is": "Stroll"}, "Stroll is not known. Import the module that defines it"),
        ("method", {"is": "Laplace", "speed": 3}, r"Laplace does not take these settings: .*It takes: draws, prior"),
        ("method", {"is": "Gamma", "shape": 1.0, "mean": 1.0}, "method is a Method, and this is a Gamma"),
        ("method", {"is": "Laplace", "draws": 0}, "draws=0 is not"),
    ],
)
def test_what_is_not_known_here_is_named(document, where, what, reason):
    changed, reload = document
    changed["fit"][where] = what
    with pytest.raises(StorageError, match=rf"model.json cannot be read here\. .*{reason}"):
        reload(changed)


def test_a_file_larger_than_any_fit_is_not_read_into_memory(tmp_path, purchases, monkeypatch):
    monkeypatch.setattr("clvmodels.scoring.storage._MOST_BYTES", 1000)
    (tmp_path / "blank.json").write_text(" " * 2000, encoding="utf-8")
    with pytest.raises(StorageError, match=r"blank.json is not a stored model: it has more than 1,000 bytes\."):
        load(tmp_path / "blank.json")
    with pytest.raises(SettingError, match=r"The file would have .* bytes, and 1,000 are read\. Keep fewer draws\."):
        save(purchases, tmp_path / "large.json")
    assert not (tmp_path / "large.json").exists()


@pytest.mark.parametrize("path", [None, 3, b"model.json", "model\0.json"])
def test_a_path_that_is_none_is_refused(purchases, path):
    for call in (lambda: save(purchases, path), lambda: load(path), lambda: load_fits(path)):
        with pytest.raises(SettingError, match="path is the path of a file"):
            call()


@pytest.mark.parametrize("fits", [{}, {3: None}])
def test_fits_are_saved_by_names(tmp_path, fits):
    with pytest.raises(SettingError, match="Fits are saved by names in text"):
        save(fits, tmp_path / "model.json")


# --- any damage ------------------------------------------------------------------------------------------------------

JUNK = st.sampled_from(
    [
        *(None, True, 0, -5, 7, 2**64, 10**400, 0.5, -1e308, 5e-324, float("nan"), float("inf")),
        *("", "week", "fortnight", "nan", "NBD", "\0", "\ud800", "2024-02-30", "1 year"),
        *([], [1.0], ["CONVERGED", "Fine."], [[]], {}, {"is": "NUTS"}, {"is": []}, {"model": "NBD"}, {"r": 1.0}),
    ]
)


@st.composite
def damages(draw):
    """Return how to damage a document: where to go at each level (of how many there are, which), and what to do."""
    return draw(st.lists(st.integers(0, 2**16), max_size=6)), draw(st.sampled_from(["put", "take", "add"])), draw(JUNK)


def damaged(document, damage):
    where, how, junk = damage
    place, key = {"": document}, ""
    for step in where:
        inside = place[key]
        if not isinstance(inside, dict | list) or not inside:
            break
        place, key = inside, [*inside][step % len(inside)] if isinstance(inside, dict) else step % len(inside)
    if how == "put":
        place[key] = junk
    elif how == "take":
        del place[key]
    elif isinstance(place, dict):
        place[str(junk)] = place[key]
    else:
        place.append(junk)


@pytest.fixture(scope="module")
def good(cdnow_rfm, tmp_path_factory):
    """Documents of fits of every shape: with draws, with priors in methods, a point, and one that failed."""
    path, documents = tmp_path_factory.mktemp("good") / "model.json", []
    few, unlike = Laplace(draws=4), replace(METHODS[3], draws=4)
    for model, method in ((BGNBD, few), (GammaGamma(of="all"), unlike), (NBD, MaximumLikelihood())):
        save(fit(model, cdnow_rfm, method), path)
        documents.append(json.loads(path.read_text(encoding="utf-8")))
    save({"failed": fit(GammaGamma, cdnow_rfm.take(cdnow_rfm.frequency == 0))}, path)
    return path, [*documents, json.loads(path.read_text(encoding="utf-8"))]


@given(which=st.integers(0, 3), several=st.lists(damages(), min_size=1, max_size=2))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_damaged_anyhow_is_refused_or_sound(good, which, several):
    path, documents = good
    document = deepcopy(documents[which])
    for damage in several:
        damaged(document, deepcopy(damage))
    path.write_text(json.dumps(document), encoding="utf-8")
    try:
        found = load_fits(path)
    except StorageError as error:
        str(error).encode("utf-8")
        return
    for fitted in found.values():
        assert repr(fitted.in_unit("day"))
        assert fitted._repr_html_()
        save(fitted, path)
        assert_same(load(path), fitted)
