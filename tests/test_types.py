"""Users' scripts are accepted by a strict type checker: the README's, and one that asserts what the types are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "tests" / "typing" / "user_script.py"


@pytest.mark.long  # mypy reads the whole package first
def test_the_readme_and_a_user_script_pass_mypy_strict_and_a_wrong_script_does_not(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    readme, wrong = tmp_path / "readme.py", tmp_path / "wrong.py"
    readme.write_text("\n".join(blocks), encoding="utf-8")
    text = SCRIPT.read_text(encoding="utf-8")
    wrong.write_text(text.replace("clv.value(purchases, spend,", "clv.value(spend, purchases,"), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary", readme, SCRIPT, wrong]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    lines = [line for line in found.stdout.splitlines() if "error:" in line]
    assert [line for line in lines if "wrong.py" not in line] == []
    assert sum('Argument 1 to "value"' in line or 'Argument 2 to "value"' in line for line in lines) == 2
