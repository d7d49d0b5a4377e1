"""Imports point from the exit to the entrance, in no circle, and a heavy library stays in its files."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "clvmodels"

# A module imports from its own room and from the rooms before it. A room is a folder, or a file beside them.
ROOMS = (
    "errors",
    "version",
    "units",
    "text",
    "cautions",
    "checked",
    "data",
    "models",
    "inference",
    "prediction",
    "valuation",
    "drawing",
    "evaluation",
    "report",
)

# The rim imports from anywhere; nobody imports it but the front doors.
RIM = ("scoring", "terminal", "cli")
FRONT_DOORS = ("__init__.py", "__main__.py", "cli.py")

# The imports that close a circle: of a module by another, when it is called, never when it is loaded.
LATE_IMPORTS = {
    ("evaluation/compare.py", "report/page.py"),  # Comparison.to_html(): a result imports its page
}

# A library, and the only files that import it.
HOMES = {
    "arviz": {"inference/arviz_io.py"},
    "jinja2": {"report/page.py"},
    "lifetimes": {"evaluation/lifetimes.py"},
    "nutpie": {"inference/nuts.py"},
    "matplotlib": {f"drawing/{name}.py" for name in ("checks", "comparison", "ranks", "style", "svg", "value")},
    "numba": {"prediction/kernels.py"},
    "pydantic": {"scoring/schema.py"},
    "pymc": {"inference/nuts.py"},
    "pyspark": {"scoring/spark.py"},
    "python_calamine": {"data/read.py"},
    "pytensor": {"inference/nuts.py"},
    "rich": {"terminal.py"},
    "typer": {"cli.py"},
    "xarray": {"inference/arviz_io.py"},
}

# What imports a module that it is given the name of; load is that of inference/arviz_io.py.
IMPORTING = {"import_module", "__import__", "load"}

# What a room does without, and its files that need it all the same: equations see arrays and know no optimiser, and
# plots see tables, arrays and plain numbers.
DATAFRAMES = ("duckdb", "narwhals", "pandas", "polars", "pyarrow")
BANNED = {
    "models": ((*DATAFRAMES, "scipy.optimize"), set[str]()),
    "inference": (DATAFRAMES, {"inference/fit.py"}),  # Fit.frame()
    "drawing": (("clvmodels.models", "clvmodels.inference", "clvmodels.valuation"), set[str]()),
}

# Nobody knows a model by name, only what models have in common: specifications, futures, special functions.
COMMON = ("specification", "future", "special")

# But for the doors, where a user names models, and the files that name the usual ones.
NAME_MODELS = {
    "evaluation/candidates.py": {"gamma_gamma"},  # the spend model of a purchase model that comes alone
    "evaluation/compare.py": {"bg_nbd", "mbg_nbd"},  # the candidates that the command line compares
    "evaluation/lifetimes.py": {"bg_nbd", "gamma_gamma"},  # what the package lifetimes assumes, too
}


class Import(NamedTuple):
    """One imported module: its full dotted name, the line, and whether it is only imported by a call."""

    name: str
    line: int
    late: bool


def imports(path: str, source: str) -> Iterator[Import]:
    """Yield every import of a module of the package, given its path inside the package."""
    tree = ast.parse(source)
    late = {
        inner
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt | ast.expr):
            yield from (Import(name, node.lineno, node in late) for name in imported_names(path, node))


def imported_names(path: str, node: ast.stmt | ast.expr) -> list[str]:
    match node:
        case ast.Import(names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module, names, level):
            folders = ["clvmodels", *Path(path).parts[:-1]]
            above = folders[: len(folders) - level + 1] if level else []
            origin = ".".join([*above, *([module] if module else [])])
            return [f"{origin}.{alias.name}" for alias in names]
        case ast.Call(ast.Name(function) | ast.Attribute(attr=function), [ast.Constant(str(name)), *_]):
            return [name] if function in IMPORTING else []
    return []


def violations(path: str, source: str) -> list[str]:
    """Return a line for every import of a module that points the wrong way."""
    return [
        f"clvmodels/{path}:{found.line}: {complaint}"
        for found in imports(path, source)
        for complaint in (wrong_direction(path, found), wrong_library(path, found), knows_a_model(path, found))
        if complaint
    ]


def room_of(path: str) -> str:
    return Path(path).parts[0].removesuffix(".py")


def wrong_direction(path: str, found: Import) -> str | None:
    package, _, inner = found.name.partition(".")
    here, there = room_of(path), inner.partition(".")[0]
    if package != "clvmodels" or path in FRONT_DOORS or here == there:
        return None
    if there in RIM:
        return f"{there} is the rim: nothing imports it but the front door"
    if here in RIM:
        return None
    if here not in ROOMS:
        return f"{here} is in none of the rooms {', '.join(ROOMS)}"
    if there not in ROOMS:
        return f"{found.name} is the front door, which is for users: import from the room that defines it"
    may_be_late = any(path == importer and belongs(found.name, name_of(late)) for importer, late in LATE_IMPORTS)
    backwards = ROOMS.index(there) > ROOMS.index(here) and not (found.late and may_be_late)
    return f"{here} imports from {there}, which comes after it" if backwards else None


def wrong_library(path: str, found: Import) -> str | None:
    for library, homes in HOMES.items():
        if belongs(found.name, library) and path not in homes:
            return f"{library} is imported in {', '.join(sorted(homes))} alone"
    banned, exceptions = BANNED.get(room_of(path), ((), set()))
    for library in banned:
        if belongs(found.name, library) and path not in exceptions:
            return f"{room_of(path)} does without {library}"
    return None


def knows_a_model(path: str, found: Import) -> str | None:
    if path in FRONT_DOORS or room_of(path) in ("models", "scoring"):
        return None
    if not belongs(found.name, "clvmodels.models") or wrong_direction(path, found):
        return None
    if any(belongs(found.name, f"clvmodels.models.{module}") for module in (*COMMON, *NAME_MODELS.get(path, ()))):
        return None
    return f"{found.name} is a model, or of one: only {', '.join(COMMON)} are of all"


def name_of(path: str) -> str:
    """Return the dotted name of a module, given its path inside the package."""
    return ".".join(["clvmodels", *Path(path).with_suffix("").parts]).removesuffix(".__init__")


def graph(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Return which modules each module imports, late and for its annotations included; both by their paths."""
    modules = {name_of(path): path for path in sources}
    found: dict[str, set[str]] = {path: set() for path in sources}
    for path, source in sources.items():
        for name in (one.name for one in imports(path, source)):
            module = next((part for part in within(name) if part in modules), None)
            if module is not None and modules[module] != path:
                found[path].add(modules[module])
    return found


def within(name: str) -> Iterator[str]:
    """Yield a dotted name and the packages that it lies in, the innermost first."""
    parts = name.split(".")
    yield from (".".join(parts[:length]) for length in range(len(parts), 0, -1))


def circle(sources: Mapping[str, str], allowed: Iterable[tuple[str, str]] = ()) -> list[str]:
    """Return the paths of a circle of imports, back to the first; empty where there is none."""
    edges = graph(sources)
    for importer, imported in allowed:
        edges.get(importer, set()).discard(imported)
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def belongs(name: str, library: str) -> bool:
    """Whether a module is part of a library; arviz_stats is part of arviz."""
    return name == library or name.startswith((f"{library}.", f"{library}_"))


def test_every_import_of_the_package_points_to_the_entrance() -> None:
    modules = sorted(PACKAGE.rglob("*.py"))
    assert modules, f"no module in {PACKAGE}"
    found = [
        line
        for module in modules
        for line in violations(module.relative_to(PACKAGE).as_posix(), module.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(["Imports that cross the lines of the architecture:", *found])


def test_no_module_imports_itself_through_others() -> None:
    sources = {
        module.relative_to(PACKAGE).as_posix(): module.read_text(encoding="utf-8") for module in PACKAGE.rglob("*.py")
    }
    found = circle(sources, LATE_IMPORTS)
    assert not found, f"A circle of imports: {' <- '.join(found)}"


def test_the_files_that_name_a_model_are_those_that_are_listed() -> None:
    named: dict[str, set[str]] = {}
    for module in PACKAGE.rglob("*.py"):
        path = module.relative_to(PACKAGE).as_posix()
        if path in FRONT_DOORS or room_of(path) in ("models", "scoring"):
            continue
        for found in imports(path, module.read_text(encoding="utf-8")):
            of = found.name.removeprefix("clvmodels.models.").partition(".")[0]
            if belongs(found.name, "clvmodels.models") and of not in COMMON:
                named.setdefault(path, set()).add(of)
    assert named == NAME_MODELS


@pytest.mark.parametrize(
    "back",
    [
        "from clvmodels.a.one import f",
        "from clvmodels.a import one",
        "from . import one",
        "import clvmodels.a.one",
        "if TYPE_CHECKING:\n    from clvmodels.a.one import F",
        "def f():\n    from clvmodels.a.one import g",
    ],
)
def test_a_circle_is_found_however_it_is_closed(back: str) -> None:
    sources = {
        "a/__init__.py": "",
        "a/one.py": "from clvmodels.b import g",
        "b.py": "from clvmodels.a import two",
        "a/two.py": back,
    }
    found = circle(sources)
    assert sorted(found[1:]) == ["a/one.py", "a/two.py", "b.py"]
    assert circle(sources, [("a/two.py", "a/one.py")]) == []
    assert circle(sources | {"a/two.py": "from math import pi"}) == []


@pytest.mark.parametrize(
    ("path", "source", "complaint"),
    [
        ("errors.py", "from clvmodels.units import duration", "errors imports from units, which comes after it"),
        ("data/rfm.py", "from clvmodels.models.bg_nbd import BGNBD", "data imports from models"),
        ("data/rfm.py", "from clvmodels import models", "data imports from models"),
        ("data/rfm.py", "import clvmodels.report.page", "data imports from report"),
        ("data/rfm.py", "from ..models import bg_nbd", "data imports from models"),
        ("data/rfm.py", "from .. import models", "data imports from models"),
        ("data/rfm.py", "if TYPE_CHECKING:\n    from clvmodels.models import BGNBD", "data imports from models"),
        ("data/rfm.py", "def f():\n    from clvmodels.models import BGNBD", "data imports from models"),
        ("data/rfm.py", "import_module('clvmodels.models.bg_nbd')", "data imports from models"),
        ("data/rfm.py", "importlib.import_module('matplotlib')", "matplotlib is imported in drawing/c"),
        ("data/rfm.py", "from clvmodels import Fit", "clvmodels.Fit is the front door"),
        ("data/rfm.py", "import clvmodels", "clvmodels is the front door"),
        ("data/rfm.py", "from clvmodels.scoring.storage import save", "scoring is the rim"),
        ("scoring/batch.py", "from clvmodels.cli import app", "cli is the rim"),
        ("helpers.py", "from clvmodels.errors import DataError", "helpers is in none of the rooms"),
        ("evaluation/compare.py", "from clvmodels.report import page", "evaluation imports from report"),
        ("evaluation/metrics.py", "def f():\n    from clvmodels.report import page", "evaluation imports from report"),
        ("report/page.py", "from matplotlib.figure import Figure", "matplotlib is imported in drawing/c"),
        ("evaluation/check_base.py", "def f():\n    import matplotlib", "matplotlib is imported in drawing/c"),
        (
            "evaluation/compare.py",
            "def f():\n    from clvmodels.report import tables",
            "evaluation imports from report",
        ),
        ("drawing/value.py", "from clvmodels.evaluation.score import Score", "drawing imports from evaluation"),
        ("drawing/value.py", "from clvmodels.valuation.value import Valuation", "drawing does without clvmodels.val"),
        ("inference/fit.py", "import arviz_stats as azs", "arviz is imported in inference/arviz_io.py alone"),
        ("inference/nuts.py", "def f():\n    load('arviz')", "arviz is imported in inference/arviz_io.py alone"),
        ("inference/nuts.py", "arviz_io.load('xarray')", "xarray is imported in inference/arviz_io.py alone"),
        ("inference/arviz_io.py", "load('pymc')", "pymc is imported in inference/nuts.py alone"),
        ("inference/fit.py", "load('pytensor.tensor')", "pytensor is imported in inference/nuts.py alone"),
        ("inference/fit.py", "load('nutpie.compiled_pyfunc')", "nutpie is imported in inference/nuts.py alone"),
        ("cli.py", "from rich.table import Table", "rich is imported in terminal.py alone"),
        ("report/page.py", "from clvmodels.terminal import say", "terminal is the rim"),
        ("cli.py", "import pymc", "pymc is imported in inference/nuts.py alone"),
        ("models/bg_nbd.py", "from scipy.optimize import minimize", "models does without scipy.optimize"),
        ("models/bg_nbd.py", "from scipy import optimize", "models does without scipy.optimize"),
        ("inference/nuts.py", "from clvmodels.models.bg_nbd import BGNBD", "clvmodels.models.bg_nbd.BGNBD is a model"),
        (
            "inference/nuts.py",
            "from clvmodels.models import Parametric",
            "clvmodels.models.Parametric is a model, or of",
        ),
        ("prediction/source.py", "from clvmodels.models.no_drop_out import nbd", "clvmodels.models.no_drop_out.nbd is"),
        ("valuation/value.py", "from clvmodels.models import nbd", "clvmodels.models.nbd is a model"),
        ("evaluation/compare.py", "from clvmodels.models.nbd import NBD", "clvmodels.models.nbd.NBD is a model"),
        ("inference/laplace.py", "import numpy, pandas as pd", "inference does without pandas"),
    ],
)
def test_an_import_across_the_lines_is_named_with_its_file_and_line(path: str, source: str, complaint: str) -> None:
    (found,) = violations(path, "import math\n" + source)
    line = 2 + source.count("\n")
    assert found.startswith(f"clvmodels/{path}:{line}: {complaint}")


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("units.py", "from clvmodels.errors import UnitError"),
        ("report/page.py", "from clvmodels.data.rfm import RFM"),
        ("report/page.py", "from . import tables"),
        ("report/page.py", "from clvmodels.drawing.svg import to_svg"),
        ("drawing/value.py", "from matplotlib.figure import Figure"),
        ("evaluation/check_base.py", "def f():\n    from clvmodels.drawing.checks import draw"),
        ("models/bg_nbd.py", "from scipy.special import gammaln"),
        ("inference/fit.py", "import pandas as pd"),
        ("inference/fit.py", "from clvmodels.models.future import Model"),
        ("inference/fit.py", "from clvmodels.models.specification import Evidence"),
        ("inference/arviz_io.py", "def f():\n    load('arviz')"),
        ("inference/nuts.py", "def f():\n    load('nutpie.compiled_pyfunc'), load('pytensor.tensor'), load('pymc')"),
        ("evaluation/compare.py", "from clvmodels.models.mbg_nbd import MBGNBD"),
        ("models/mbg_nbd.py", "from clvmodels.models.beta_geometric import BetaGeometric"),
        ("inference/fit.py", "from clvmodels.models import special"),
        ("evaluation/compare.py", "def f():\n    from clvmodels.report import page"),
        ("scoring/batch.py", "from clvmodels.report.tables import describe"),
        ("__init__.py", "from clvmodels.scoring.storage import save"),
        ("cli.py", "import clvmodels as clv\nfrom clvmodels.scoring import batch"),
        ("cli.py", "from clvmodels.terminal import say"),
        ("terminal.py", "from clvmodels.report.tables import Table"),
    ],
)
def test_an_import_within_the_lines_is_fine(path: str, source: str) -> None:
    assert violations(path, source) == []
