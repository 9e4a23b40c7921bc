"""Differences that a person approved, each in a file beside its history, for a reviewer to read."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from ameide_process.replay._comparison import Difference
from ameide_process.replay._stored_history import HistoryError, StoredHistory

_FIELDS = tuple(field.name for field in dataclasses.fields(Difference) if field.compare)


def read_approved(history: StoredHistory) -> list[Difference]:
    """The approved differences of a history; none where there is no file.

    Raises:
        HistoryError: The file is no list of differences.
    """
    path = history.approved_path
    if not path.exists():
        return []
    try:
        entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return [Difference(**{name: entry[name] for name in _FIELDS}) for entry in entries]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise HistoryError(
            f"{path}: is no list of approved differences ({type(error).__name__}: {error}); delete it and approve anew"
        ) from None


def write_approved(history: StoredHistory, differences: Sequence[Difference]) -> bool:
    """Stores the differences of a history in place of those approved so far; none: the file goes.

    Returns:
        Whether anything changed.
    """
    path = history.approved_path
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    entries = [{name: getattr(difference, name) for name in _FIELDS} for difference in differences]
    text = json.dumps(entries, indent=2, ensure_ascii=False) + "\n" if entries else ""
    if not text:
        path.unlink(missing_ok=True)
    elif text != before:
        path.write_text(text, encoding="utf-8")
    return text != before
