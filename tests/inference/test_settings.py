"""Settings are written as a user would write them."""

from clvmodels.inference.methods import Laplace, MaximumLikelihood
from clvmodels.inference.prior import Gamma, LogNormal, Prior


def test_what_is_left_at_its_default_is_left_out() -> None:
    assert repr(MaximumLikelihood()) == "MaximumLikelihood()"
    assert repr(Laplace()) == "Laplace()"
    assert repr(Laplace(draws=500)) == "Laplace(draws=500)"


def test_what_is_written_gives_the_same_again() -> None:
    chosen = Laplace(
        prior=Prior({"r": Gamma(2.0, 0.5)}, LogNormal(spread=1.0), scale=7.0), otherwise=MaximumLikelihood()
    )
    assert eval(repr(chosen)) == chosen  # noqa: S307 -- our own text
    assert repr(chosen.prior) == (
        "Prior(parameters={'r': Gamma(shape=2.0, mean=0.5)}, others=LogNormal(spread=1.0), scale=7.0)"
    )
