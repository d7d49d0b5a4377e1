"""Stored fits: what comes back is what went in, bit by bit, and what is no stored fit is said to be none."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clvmodels.errors import FitError, SettingError, StorageError
from clvmodels.inference.fit import Fit, fit
from clvmodels.inference.methods import Laplace, MaximumLikelihood
from clvmodels.inference.verdict import Outcome, Verdict
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma, GammaGammaAllPurchases
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.scoring.storage import load, save
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
    for name in ("specification", "verdict", "unit", "customers", "method", "seed", "log_likelihood"):
        assert getattr(one, name) == getattr(other, name)
    for name in ("versions", "standard_errors", "sandwich_errors", "by_parameter", "prior", "diagnostics"):
        assert dict(getattr(one, name)) == dict(getattr(other, name))
    for name in ("point", "posterior"):
        before, after = getattr(one, name), getattr(other, name)
        assert (before is None) == (after is None)
        if before is not None:
            assert type(before) is type(after)
            for parameter, was in before.parameters().items():
                assert np.array_equal(was, after.parameters()[parameter])
                assert np.shape(was) == np.shape(after.parameters()[parameter])
    assert repr(one) == repr(other)


# --- there and back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [BGNBD, MBGNBD, NBD, GammaGamma, GammaGammaAllPurchases])
@pytest.mark.parametrize("method", [QUICK, MaximumLikelihood()], ids=["draws", "point"])
def test_every_model_comes_back_bit_by_bit(cdnow_rfm, tmp_path, model, method):
    fitted = fit(model, cdnow_rfm, method, seed=3)
    save(fitted, tmp_path / "model.json")
    assert_same(fitted, load(tmp_path / "model.json"))
    assert [path.name for path in tmp_path.iterdir()] == ["model.json"]


def test_several_fits_come_back_by_name(purchases, spend, tmp_path):
    save({"purchases": purchases, "spend": spend}, str(tmp_path / "both.json"))
    back = load(str(tmp_path / "both.json"))
    assert list(back) == ["purchases", "spend"]
    assert_same(purchases, back["purchases"])
    assert_same(spend, back["spend"])


def test_a_stored_model_gives_the_same_valuation(cdnow_rfm, purchases, spend, tmp_path):
    save({"purchases": purchases, "spend": spend}, tmp_path / "both.json")
    back, few, plan = load(tmp_path / "both.json"), cdnow_rfm.take(slice(50)), Plan("1 year", 0.10)
    before = value(purchases, spend, few, plan, draws=40, seed=1)
    after = value(back["purchases"], back["spend"], few, plan, draws=40, seed=1)
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


def test_a_seed_of_numpy_is_a_seed(cdnow_rfm, tmp_path):
    save(fit(BGNBD, cdnow_rfm, MaximumLikelihood(), seed=np.int64(9)), tmp_path / "model.json")
    assert load(tmp_path / "model.json").seed == 9


def test_the_file_is_strict_json_without_customers(cdnow_rfm, tmp_path):
    named = replace(cdnow_rfm, customer_id=np.array([f"secret-{i}" for i in range(len(cdnow_rfm))], dtype=object))
    save({"purchases": fit(BGNBD, named, QUICK), "spend": fit(GammaGamma, named, QUICK)}, tmp_path / "model.json")
    text = (tmp_path / "model.json").read_text(encoding="utf-8")
    assert "secret" not in text
    assert json.loads(text)["format"] == "clvmodels fit, version 1"
    assert "NaN" not in text
    assert "Infinity" not in text


# --- writing that fails ----------------------------------------------------------------------------------------------


def test_a_file_is_replaced_whole(purchases, spend, tmp_path):
    path = tmp_path / "model.json"
    save(purchases, path)
    save(spend, path)
    assert load(path).specification is GammaGamma
    assert [found.name for found in tmp_path.iterdir()] == ["model.json"]


def test_what_cannot_be_written_leaves_nothing_behind(purchases, tmp_path):
    folder = tmp_path / "model.json"
    folder.mkdir()
    with pytest.raises(StorageError, match=r"model.json cannot be written: Is a directory\."):
        save(purchases, folder)
    with pytest.raises(StorageError, match=r"cannot be written: No such file or directory\."):
        save(purchases, tmp_path / "nowhere" / "model.json")
    assert list(tmp_path.iterdir()) == [folder]


def test_a_disk_that_is_full_leaves_the_old_file(purchases, spend, tmp_path, monkeypatch):
    path = tmp_path / "model.json"
    save(purchases, path)

    def full(self, text, encoding):
        with self.open("w", encoding=encoding) as file:
            file.write(text[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(path), "write_text", full)
    with pytest.raises(StorageError, match=r"cannot be written: No space left on device\."):
        save(spend, path)
    assert load(path).specification is BGNBD
    assert [found.name for found in tmp_path.iterdir()] == ["model.json"]


@pytest.mark.parametrize("wrong", [BGNBD(1, 1, 1, 1), "model", None, {"purchases": 3}])
def test_what_is_no_fit_is_not_saved(wrong, tmp_path):
    with pytest.raises(SettingError, match=r"What is saved is a fit, such as clv.fit\(...\) returns, and this is a"):
        save(wrong, tmp_path / "model.json")
    assert not list(tmp_path.iterdir())


# --- reading what is none --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a stored model: it is not JSON"),
        (b"\x93NUMPY\x01\x00\xff\xfe", "is not a stored model: it is not JSON"),
        (b'{"format": "clvmodels fit, version 1", "fit": {', "is not a stored model: it is not JSON"),
        (b"[" * 200_000, "is not a stored model: it is not JSON"),
        (b"[1, 2]", "is not a stored model of this version"),
        (b'"clvmodels fit, version 1"', "is not a stored model of this version"),
        (b'{"r": 0.24, "alpha": 4.4}', "is not a stored model of this version"),
        (b'{"format": "clvmodels fit, version 2", "fit": {}}', "Fit and save it again"),
        (b'{"format": "clvmodels fit, version 1"}', "is damaged"),
        (b'{"format": "clvmodels fit, version 1", "fit": 3}', "is damaged"),
        (b'{"format": "clvmodels fit, version 1", "fits": [1]}', "is damaged"),
    ],
)
def test_a_foreign_file_is_said_to_be_one(tmp_path, content, message):
    path = tmp_path / "model.json"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=message):
        load(path)


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(StorageError, match=r"none.json cannot be read: No such file or directory\."):
        load(tmp_path / "none.json")
    with pytest.raises(StorageError, match=r"cannot be read: Is a directory\."):
        load(tmp_path)


@pytest.mark.parametrize(
    ("where", "what"),
    [
        (("model",), "Pareto/NBD"),
        (("model",), None),
        (("verdict",), []),
        (("verdict",), ["FINE", "Trust me."]),
        (("point",), {"r": 1.0}),
        (("point", "r"), "a quarter"),
        (("point", "r"), -1.0),
        (("posterior", "r"), [0.24] * 7),
        (("posterior", "r"), [float("nan")] * 40),
        (("posterior",), {}),
        (("posterior",), []),
        (("posterior", "b"), "many"),
        (("diagnostics",), {"k_hat": "good"}),
        (("diagnostics",), None),
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
