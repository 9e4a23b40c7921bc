"""The command line: formats, exit codes, configuration, baseline, and what it says of input that it cannot check."""

import json
from pathlib import Path

import pytest
from ameide_determinism.__main__ import app
from ameide_determinism.rules import RULES
from typer.testing import CliRunner, Result

HAZARD = """
import time
from temporalio import workflow
from helpers import stamp

@workflow.defn
class Order:
    @workflow.run
    async def run(self) -> None:
        stamp()
"""

HELPERS = """
import time

def stamp():
    return time.time()
"""

WARNING = """
import asyncio
from temporalio import workflow

@workflow.defn
class Order:
    @workflow.run
    async def run(self) -> None:
        async with asyncio.TaskGroup():
            pass
"""

CLEAN = """
from temporalio import workflow

@workflow.defn
class Order:
    @workflow.run
    async def run(self) -> None:
        await workflow.sleep(1)
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["check", *arguments])


def write(**files: str) -> None:
    for name, text in files.items():
        Path(f"{name}.py").write_text(text)


def configure(text: str) -> None:
    Path("pyproject.toml").write_text(f"[tool.ameide-determinism]\n{text}")


def test_a_finding_is_printed_with_its_chain() -> None:
    write(order=HAZARD, helpers=HELPERS)
    done = run("order.py")
    assert done.exit_code == 1
    assert "helpers.py:5:12: error wall-clock: time.time() reads the clock" in done.stdout
    assert "from order.py:10 Order.run\n    -> helpers.py:5 stamp" in done.stdout
    assert "1 error, 0 warnings in 1 workflow" in done.stdout


def test_json_is_a_list_of_findings() -> None:
    write(order=HAZARD, helpers=HELPERS)
    done = run("order.py", "--format", "json")
    assert json.loads(done.stdout) == [
        {
            "path": "helpers.py",
            "line": 5,
            "column": 12,
            "rule": "wall-clock",
            "severity": "error",
            "message": f"time.time() {RULES['wall-clock'].summary}",
            "chain": ["order.py:10 Order.run", "helpers.py:5 stamp"],
        }
    ]


def test_sarif_names_rule_place_and_flow() -> None:
    write(order=HAZARD, helpers=HELPERS)
    (sarif,) = json.loads(run("order.py", "--format", "sarif").stdout)["runs"]
    (result,) = sarif["results"]
    assert result["ruleId"] == sarif["tool"]["driver"]["rules"][0]["id"] == "wall-clock"
    region = result["locations"][0]["physicalLocation"]
    assert region == {"artifactLocation": {"uri": "helpers.py"}, "region": {"startLine": 5, "startColumn": 12}}
    assert len(result["codeFlows"][0]["threadFlows"][0]["locations"]) == 2


def test_no_finding_exits_0() -> None:
    write(order=CLEAN)
    done = run("order.py")
    assert (done.exit_code, done.stdout) == (0, "0 errors, 0 warnings in 1 workflow\n")
    assert json.loads(run("order.py", "--format", "json").stdout) == []


def test_warnings_fail_only_under_strict() -> None:
    write(order=WARNING)
    assert run("order.py").exit_code == 0
    assert run("order.py", "--strict").exit_code == 1


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_page(rule: str) -> None:
    done = run("--explain", rule)
    assert done.exit_code == 0
    for part in (f"# {rule}", "## Why", "## Wrong", "## Right"):
        assert part in done.stdout


def test_there_is_no_page_without_a_rule() -> None:
    pages = Path(__file__).parents[1] / "src" / "ameide_determinism" / "pages"
    assert {page.stem for page in pages.glob("*.md")} == set(RULES)


def test_an_unknown_rule_is_refused() -> None:
    done = run("--explain", "clock")
    assert done.exit_code == 2
    assert "there is no rule 'clock'" in done.stderr


def test_nothing_checked_is_no_success() -> None:
    write(plain="x = 1\n")
    done = run("plain.py")
    assert done.exit_code == 2
    assert "no workflow found in plain.py" in done.stderr
    assert run("plain.py", "--allow-no-workflow").exit_code == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("def broken(:\n", "helpers.py:1: does not parse"),
        ("x = '\x00'\n", "helpers.py: does not parse"),
        ("from gone import x\n", ""),
    ],
)
def test_a_helper_that_does_not_parse_is_named(text: str, problem: str) -> None:
    write(order=HAZARD, helpers=text)
    done = run("order.py")
    assert "Traceback" not in done.output
    if problem:
        assert done.exit_code == 2
        assert problem in done.stderr


@pytest.mark.parametrize("terms", [8_000, 60_000])
def test_a_file_that_nests_too_deep_is_named(terms: int) -> None:
    write(order=HAZARD, helpers=HELPERS + "\nx = " + "+".join(["1"] * terms) + "\n\ndef stamp():\n    return x\n")
    done = run("order.py")
    assert done.exit_code == 2
    assert not done.exception or isinstance(done.exception, SystemExit)
    assert "helpers.py" in done.stderr


def test_a_file_of_another_encoding_is_named() -> None:
    Path("order.py").write_bytes(b"# caf\xe9\n")
    done = run("order.py")
    assert done.exit_code == 2
    assert "order.py" in done.stderr


def test_a_missing_module_of_the_project_is_named() -> None:
    Path("shop").mkdir()
    Path("shop/__init__.py").touch()
    Path("shop/orders.py").write_text(CLEAN + "\nfrom shop.gone import x\nfrom .lost import y\n\nORDER = (x, y)\n")
    Path("shop/orders.py").write_text(Path("shop/orders.py").read_text().replace("workflow.sleep(1)", "x(y)"))
    done = run("shop")
    assert done.exit_code == 2
    assert "shop/orders.py:10: imports 'shop.gone', which is not there" in done.stderr
    assert "shop/orders.py:11: imports '.lost', which is not there" in done.stderr


def test_a_name_that_is_imported_in_a_circle_is_named() -> None:
    write(order=HAZARD, helpers="from later import stamp\n", later="from helpers import stamp\n")
    done = run("order.py")
    assert done.exit_code == 2
    assert "helpers.py:1: imports 'stamp' in a circle: helpers.py -> later.py -> helpers.py; define it" in done.stderr


def test_star_imports_in_a_circle_hide_nothing() -> None:
    write(
        order=HAZARD.replace("import stamp", "import *"),
        helpers="from later import *\nfrom clocks import *\n",
        later="from helpers import *\n",
        clocks=HELPERS,
    )
    done = run("order.py")
    assert done.exit_code == 1
    assert "clocks.py:5" in done.stdout


def test_classes_that_are_their_own_base_are_named() -> None:
    write(
        order=HAZARD.replace("import stamp", "import First").replace("stamp()", "First().go()"),
        helpers="from later import Second\n\nclass First(Second): ...\n",
        later="from helpers import First\n\nclass Second(First): ...\n",
    )
    done = run("order.py")
    assert done.exit_code == 2
    assert "class 'First' is its own base" in done.stderr
    assert "later.py" in done.stderr


LACKING = CLEAN.replace("await workflow.sleep(1)", "stamp()") + "\n{}\n"


@pytest.mark.parametrize("text", ["from shop import stamp", "from shop.names import stamp", "from .names import stamp"])
def test_a_name_that_a_module_of_the_project_lacks_is_named(text: str) -> None:
    Path("shop").mkdir()
    Path("shop/__init__.py").write_text("import time\n")
    Path("shop/names.py").write_text("def stamps():\n    stamp()\n")
    Path("shop/orders.py").write_text(LACKING.format(text))
    done = run("shop")
    assert done.exit_code == 2
    assert "shop/orders.py:10: imports 'stamp', which shop/" in done.stderr


@pytest.mark.parametrize(
    "package",
    [
        "def __getattr__(name):\n    return print\n",
        "globals().update(stamp=print)\n",
        "from outside import *\n",
        "from .inner import *\n",
        "if len(__name__) > 3:\n    stamp = print\nelse:\n    from outside import stamp\n",
        "try:\n    from outside import stamp\nexcept ImportError:\n    stamp = None\n",
        "for stamp in [print]:\n    pass\n",
        "with open(__file__) as stamp:\n    pass\n",
        "(stamp := print)\n",
        "def bind():\n    global stamp\n    stamp = print\n\nbind()\n",
        "match print:\n    case stamp:\n        pass\n",
        "while True:\n    def stamp(): ...\n    break\n",
        "__all__ = ['stamp']\n",
        "from . import inner\nsetattr(inner, 'x', 1)\n",
    ],
)
def test_a_name_that_a_module_may_have_is_not_called_missing(package: str) -> None:
    Path("shop").mkdir()
    Path("shop/__init__.py").write_text(package)
    Path("shop/inner.py").write_text("def stamp():\n    pass\n")
    write(order=LACKING.format("from shop import stamp"))
    done = run("order.py")
    assert "imports" not in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    from shop import stamp\nexcept ImportError:\n    stamp = print\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from shop import stamp\n",
        "from contextlib import suppress\nwith suppress(ImportError):\n    from shop import stamp\n",
        "import sys\nif sys.version_info < (3, 8):\n    from shop import stamp\n",
    ],
)
def test_an_import_that_may_fail_is_not_called_missing(text: str) -> None:
    Path("shop").mkdir()
    Path("shop/__init__.py").touch()
    write(order=LACKING.format(text))
    assert "imports" not in run("order.py").stderr


def test_modules_may_import_each_other() -> None:
    write(
        order=CLEAN.replace("workflow.sleep(1)", "later()") + "\nfrom helpers import later\n",
        helpers="import order\nimport time\n\nasync def later():\n    order.Order\n    time.time()\n",
    )
    done = run("order.py")
    assert done.exit_code == 1
    assert "helpers.py:6:5" in done.stdout


@pytest.mark.parametrize(
    ("path", "problem"), [("gone", "gone: no such file or folder"), ("notes.txt", "notes.txt: is no Python file")]
)
def test_a_path_that_cannot_be_checked_is_refused(path: str, problem: str) -> None:
    Path("notes.txt").touch()
    done = run(path)
    assert done.exit_code == 2
    assert problem in done.stderr


def test_links_to_folders_that_were_seen_are_not_followed() -> None:
    Path("shop/again").mkdir(parents=True)
    Path("shop/order.py").write_text(CLEAN)
    Path("shop/itself").symlink_to(".")
    Path("shop/again/above").symlink_to("../../shop")
    Path("shop/around").symlink_to("around")
    done = run("shop")
    assert (done.exit_code, done.stdout) == (0, "0 errors, 0 warnings in 1 workflow\n")


@pytest.mark.parametrize("target", ["lost.py", "gone.py"])
def test_a_link_that_leads_nowhere_is_named(target: str) -> None:
    write(order=CLEAN)
    Path("lost.py").symlink_to(target)
    done = run(".")
    assert done.exit_code == 2
    assert f"{target}: cannot be read" in done.stderr
    assert "lost.py: no such file or folder" in run("lost.py").stderr


def test_configured_paths_are_checked_when_none_is_named() -> None:
    write(order=HAZARD, helpers=HELPERS)
    assert run().exit_code == 2
    configure('paths = ["."]')
    assert run().exit_code == 1


def test_rules_are_ignored_and_reweighed_by_configuration() -> None:
    write(order=HAZARD, helpers=HELPERS)
    configure('ignore = ["wall-clock"]')
    assert run("order.py").exit_code == 0
    configure('severity = {wall-clock = "warning"}')
    done = run("order.py")
    assert done.exit_code == 0
    assert "warning wall-clock" in done.stdout


def test_excluded_files_are_no_starting_points() -> None:
    write(order=HAZARD, helpers=HELPERS, other=CLEAN)
    configure('exclude = ["order.py"]')
    assert run(".").exit_code == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ignored = []", "has no setting 'ignored'"),
        ('ignore = "wall-clock"', "write a list of strings"),
        ('ignore = ["clock"]', "ignore names 'clock'"),
        ('severity = {wall-clock = "fatal"}', "write 'error' or 'warning'"),
        ("severity = 3", "write a table"),
        ("baseline = 3", "write the path of a file"),
        ("paths = [", "is no TOML"),
    ],
)
def test_a_wrong_configuration_is_refused(text: str, problem: str) -> None:
    write(order=CLEAN)
    configure(text)
    done = run("order.py")
    assert done.exit_code == 2
    assert problem in done.stderr
    assert "pyproject.toml" in done.stderr


def test_a_baseline_accepts_what_was_there() -> None:
    write(order=HAZARD, helpers=HELPERS)
    assert run("order.py", "--write-baseline", "accepted.json").exit_code == 0
    assert run("order.py", "--baseline", "accepted.json").exit_code == 0
    write(helpers=HELPERS.replace("\ndef", "\n\n\ndef") + "\ndef again():\n    return time.time_ns()\n")
    write(order=HAZARD + "        again()\n")
    write(order=HAZARD.replace("import stamp", "import again, stamp") + "        again()\n")
    done = run("order.py", "--baseline", "accepted.json")
    assert done.exit_code == 1
    assert "time.time_ns()" in done.stdout
    assert "time.time()" not in done.stdout


@pytest.mark.parametrize("text", [None, "nonsense", "[]", '{"version": 1}', '{"version": 1, "findings": [3]}'])
def test_a_wrong_baseline_is_refused(text: str | None) -> None:
    write(order=HAZARD, helpers=HELPERS)
    if text is not None:
        Path("accepted.json").write_text(text)
    done = run("order.py", "--baseline", "accepted.json")
    assert done.exit_code == 2
    assert "accepted.json" in done.stderr
    assert "--write-baseline" in done.stderr or "is no" in done.stderr


def test_installed_packages_are_followed_only_where_configured(project: Path) -> None:
    installed = project / ".venv" / "lib" / "python3.11" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "rates.py").write_text(HELPERS)
    write(order=HAZARD.replace("from helpers", "from rates"))
    assert run("order.py").exit_code == 0
    configure('follow = ["rates"]')
    done = run("order.py")
    assert done.exit_code == 1
    assert "rates.py:5" in done.stdout
