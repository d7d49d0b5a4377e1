"""Importing the package is cheap: what is heavy is loaded by the function that needs it."""

import subprocess
import sys

HEAVY = (
    "arviz",
    "jinja2",
    "lifetimes",
    "matplotlib",
    "numba",
    "nutpie",
    "pydantic",
    "pymc",
    "pyspark",
    "rich",
    "typer",
    "xarray",
)


def test_importing_the_package_loads_nothing_heavy() -> None:
    # Another process: this one has loaded everything already.
    program = "import sys, clvmodels; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    loaded = set(run.stdout.split())
    assert "clvmodels" in loaded
    assert loaded.isdisjoint(HEAVY), f"import clvmodels loads {', '.join(sorted(loaded.intersection(HEAVY)))}"
