"""The page of each rule: why, wrong, right."""

from importlib.resources import files


def page(rule: str) -> str:
    """The page of a rule, in Markdown.

    Raises:
        FileNotFoundError: There is no such rule.
    """
    return (files("ameide_determinism") / "pages" / f"{rule}.md").read_text(encoding="utf-8")
