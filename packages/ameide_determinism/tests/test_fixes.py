"""`--fix` leaves nothing behind that it could repair, breaks no file, and changes nothing that others use."""

import ast
import re
import shutil
from pathlib import Path

import pytest
from ameide_determinism import check
from ameide_determinism.fixes import apply_fixes, fixable

CORPUS = Path(__file__).parent / "corpus"

BODIES = {
    "time.time()": "workflow.time()",
    "time.time_ns()": "workflow.time_ns()",
    "datetime.now()": "workflow.now()",
    "datetime.now(timezone.utc)": "workflow.now()",
    "datetime.now(zone)": "workflow.now().astimezone(zone)",
    "datetime.utcnow()": "workflow.now().replace(tzinfo=None)",
    "date.today()": "workflow.now().date()",
    "random.randint(1, 6)": "workflow.random().randint(1, 6)",
    "choice([1, 2])": "workflow.random().choice([1, 2])",
    "uuid.uuid4()": "workflow.uuid4()",
    "print('paid', 3)": "workflow.logger.info(\"%s %s\", 'paid', 3)",
    "print(f'é {x}')": "workflow.logger.info(f'é {x}')",
    "list({'a', 'b'})": "list(sorted({'a', 'b'}))",
    "','.join({'a', 'b'})": "','.join(sorted({'a', 'b'}))",
    "[x for x in {'a', 'b'}]": "[x for x in sorted({'a', 'b'})]",
    "await asyncio.wait([])": "await workflow.wait([])",
    "[await x for x in asyncio.as_completed([])]": "[await x for x in workflow.as_completed([])]",
    "'é' if datetime.now() else random.random()": "'é' if workflow.now() else workflow.random().random()",
}

WORKFLOW = """
import asyncio
import random
import time
import uuid
from datetime import date, datetime, timezone
from random import choice
{imported}

zone = timezone.utc


@{name}.defn
class Order:
    @{name}.run
    async def run(self, x: str) -> None:
        {body}
"""

IMPORTS = {
    "workflow": "from temporalio import workflow",
    "wf": "from temporalio import workflow as wf",
    "temporalio.workflow": "import temporalio.workflow",
}


def fix(*paths: Path) -> int:
    report = check(paths)
    return apply_fixes(report.findings, report.modules).fixed


@pytest.mark.parametrize("name", IMPORTS)
@pytest.mark.parametrize("body", BODIES)
def test_a_hazard_is_replaced_by_what_the_workflow_api_has(tmp_path: Path, body: str, name: str) -> None:
    file = tmp_path / "order.py"
    file.write_text(WORKFLOW.format(imported=IMPORTS[name], name=name, body=body))
    assert fix(file) >= 1
    expected = re.sub(r"\bworkflow\.", f"{name}.", BODIES[body])
    assert file.read_text() == WORKFLOW.format(imported=IMPORTS[name], name=name, body=expected)
    assert fix(file) == 0


@pytest.mark.parametrize("case", sorted((CORPUS / "hazards").iterdir()), ids=lambda path: path.stem)
def test_what_can_be_fixed_is_fixed_once_and_parses(tmp_path: Path, case: Path) -> None:
    copy = tmp_path / case.name
    if case.is_dir():
        shutil.copytree(case, copy)
    else:
        shutil.copy(case, copy)
    fix(copy)
    report = check([copy])
    assert not report.problems
    assert fixable(report.findings, report.modules) == []
    files = {file: file.read_bytes() for file in tmp_path.rglob("*.py")}
    assert fix(copy) == 0
    assert files == {file: file.read_bytes() for file in tmp_path.rglob("*.py")}
    for text in files.values():
        ast.parse(text)


def test_a_helper_gets_the_import_that_it_needs(tmp_path: Path) -> None:
    (tmp_path / "order.py").write_text(WORKFLOW.format(imported=IMPORTS["workflow"], name="workflow", body="stamp()"))
    order = (tmp_path / "order.py").read_text()
    (tmp_path / "order.py").write_text(order.replace("import asyncio", "import asyncio\nfrom helpers import stamp"))
    (tmp_path / "helpers.py").write_text('"""Helpers."""\nimport time\n\n\ndef stamp():\n    return time.time()\n')
    assert fix(tmp_path / "order.py") == 1
    assert (tmp_path / "helpers.py").read_text() == (
        '"""Helpers."""\nimport time\nfrom temporalio import workflow\n\n\ndef stamp():\n    return workflow.time()\n'
    )


def test_what_an_activity_uses_too_is_left_to_a_person(tmp_path: Path) -> None:
    file = tmp_path / "order.py"
    text = WORKFLOW.format(imported=IMPORTS["workflow"], name="workflow", body="stamp()")
    text += "\ndef stamp():\n    return time.time()\n\n\n@activity.defn\ndef act():\n    return stamp()\n"
    file.write_text(text.replace("import asyncio", "import asyncio\nfrom temporalio import activity"))
    assert fix(file) == 0


def test_constants_of_modules_are_left_to_a_person(tmp_path: Path) -> None:
    file = tmp_path / "order.py"
    text = WORKFLOW.format(imported=IMPORTS["workflow"], name="workflow", body="STARTED")
    file.write_text(text.replace("zone =", "STARTED = time.time()\nzone ="))
    assert fix(file) == 0
