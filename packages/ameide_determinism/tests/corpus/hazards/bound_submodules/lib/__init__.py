"""Binds its modules by relative imports."""

from . import _hidden as shown
from . import a, clock
