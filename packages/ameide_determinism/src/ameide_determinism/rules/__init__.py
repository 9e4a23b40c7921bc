"""What is a hazard: the rules, and tables of what is known of code outside of the project."""

from ameide_determinism.rules.catalogue import RULES, Rule
from ameide_determinism.rules.pages import page

__all__ = ["RULES", "Rule", "page"]
