"""Every reason is explained to the person who meets it."""

import re
from pathlib import Path

from ameide_operator.conditions import Reason

README = Path(__file__).parents[2] / "README.md"


def test_readme_explains_every_reason_and_no_other():
    explained = re.findall(r"^\| `(\w+)` \| .+ \| .+ \| .+ \|$", README.read_text(), flags=re.MULTILINE)
    assert sorted(explained) == sorted(reason.value for reason in Reason)
