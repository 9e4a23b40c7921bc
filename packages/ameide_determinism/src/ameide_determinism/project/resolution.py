"""What an import means: the file of a module of the project, or something outside of it.

Nothing is imported. A module is looked for where Python would find it when the project runs: beside the importing file
and in the folders above it, in `src` folders there, in the members of a uv workspace, and in configured roots.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from ameide_determinism.project.module import Module, SourceError
from ameide_determinism.project.paths import resolved

_MARKERS = ("pyproject.toml", ".git", "setup.py", "setup.cfg")
"""What stands in the folder of a project."""


class Modules:
    """All modules that were asked for, each parsed once.

    Args:
        roots: Folders that modules are imported from, beside those above the importing file.
        follow: Installed top-level packages to look into.
        installed: Where installed packages are.

    Attributes:
        problems: Files that were asked for and cannot be read.
    """

    def __init__(self, roots: Sequence[Path], *, follow: Iterable[str] = (), installed: Sequence[Path] = ()) -> None:
        self._roots = tuple(dict.fromkeys(resolved(root) for root in roots))
        self._follow = frozenset(follow)
        self._installed = tuple(installed)
        self._by_path: dict[Path, Module | None] = {}
        self._found: dict[tuple[Path, str], Path | None] = {}
        self._bases: dict[Path, tuple[Path, ...]] = {}
        self._listings: dict[Path, frozenset[str]] = {}
        self.problems: list[SourceError] = []

    @property
    def loaded(self) -> list[Module]:
        """The modules that were read so far."""
        return [module for module in self._by_path.values() if module is not None]

    def load(self, path: Path) -> Module | None:
        """The module in a file, or the package in a folder; None when it cannot be read, see `problems`."""
        if path not in self._by_path:
            try:
                self._by_path[path] = Module.folder(path) if self._is_dir(path) else Module.parse(path)
            except SourceError as error:
                self._by_path[path] = None
                self.problems.append(error)
        return self._by_path[path]

    def find(self, name: str, importer: Module) -> Path | None:
        """The file of an absolute module name as one file sees it; None: it is outside of the project."""
        # Only a module of that name may see something else than its neighbors: it does not import itself.
        alone = name.rpartition(".")[2] == importer.path.stem
        key = (importer.path if alone else importer.directory, name)
        if key not in self._found:
            self._found[key] = self._search(name, importer)
        return self._found[key]

    def find_relative(self, node: ast.ImportFrom, importer: Module) -> Path | None:
        """The file that `from ...x import y` names; None: there is none."""
        folder = importer.directory
        for _ in range(node.level - 1):
            folder = folder.parent
        if not node.module:
            return self._package(folder)
        return self._below(folder, node.module.split("."))

    def submodule(self, module: Module, name: str) -> Path | None:
        """The file of a module in a package."""
        return self._below(module.directory, [name]) if module.is_package else None

    def is_project_name(self, name: str, importer: Module) -> bool:
        """Whether a name begins with a package of the project, so that the rest of it must exist too."""
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names:
            return False
        path = self.find(top, importer)
        return path is not None and path.name == "__init__.py"

    def is_unique(self, name: str, importer: Module) -> bool:
        """Whether a file sees just one module of a name, so that it does not matter how the project is run."""
        parts = name.split(".")
        bases = (*self._bases_of(importer.directory), *self._roots)
        return len({path for base in bases if (path := self._below(base, parts)) is not None}) == 1

    def missing(self, importer: Module, name: str, node: ast.stmt) -> None:
        """Notes that a module of the project imports one that is not there, unless it is prepared for that."""
        if not importer.is_stub and not _is_optional(importer, node):
            error = SourceError(importer.path, f"imports {name!r}, which is not there", node.lineno)
            self.problem(error)

    def problem(self, error: SourceError) -> None:
        """Notes what keeps something from being checked, once."""
        if all((one.path, one.line) != (error.path, error.line) for one in self.problems):
            self.problems.append(error)

    def _search(self, name: str, importer: Module) -> Path | None:
        parts = name.split(".")
        if parts[0] in sys.builtin_module_names:
            return None
        standard = parts[0] in sys.stdlib_module_names
        folders = None
        for base in (*self._bases_of(importer.directory), *self._roots):
            path = self._below(base, parts)
            if path is None or (path == importer.path and not importer.is_package):
                continue
            if self._is_dir(path):
                # A folder without code is a package only when nothing better has the name.
                folders = folders or (None if standard else path)
                continue
            if standard and not self._shadows(path, parts):
                continue
            return path
        if parts[0] in self._follow:
            for base in self._installed:
                path = self._below(base, parts)
                if path is not None and not self._is_dir(path):
                    return path
        return folders

    def _shadows(self, path: Path, parts: Sequence[str]) -> bool:
        """Whether a file really hides a module of the standard library: it is a module, not any folder of that name."""
        return len(parts) > 1 or path.name == f"{parts[0]}.py" or path.name == "__init__.py"

    def _bases_of(self, directory: Path) -> tuple[Path, ...]:
        """Folders above a file that its imports begin at, nearest first, up to the folder of its project."""
        if directory not in self._bases:
            bases: list[Path] = []
            folder = directory
            while True:
                if not self._has(folder, "__init__.py"):
                    bases.append(folder)
                    if self._has(folder, "src"):
                        bases.append(folder / "src")
                if any(self._has(folder, marker) for marker in _MARKERS) or folder.parent == folder:
                    break
                folder = folder.parent
            self._bases[directory] = tuple(bases)
        return self._bases[directory]

    def _below(self, base: Path, parts: Sequence[str]) -> Path | None:
        folder = base
        for part in parts[:-1]:
            if not self._has(folder, part):
                return None
            folder /= part
        last = parts[-1]
        if self._has(folder, last):
            package = self._package(folder / last)
            if package is not None and package.name == "__init__.py":
                return package
        if last.endswith("_pb2") and self._has(folder, f"{last}.pyi"):
            return folder / f"{last}.pyi"
        if self._has(folder, f"{last}.py"):
            return folder / f"{last}.py"
        return self._package(folder / last) if self._has(folder, last) else None

    def _package(self, folder: Path) -> Path | None:
        if self._has(folder, "__init__.py"):
            return folder / "__init__.py"
        return folder if self._is_dir(folder) else None

    def _has(self, folder: Path, name: str) -> bool:
        if folder not in self._listings:
            try:
                self._listings[folder] = frozenset(one.name for one in folder.iterdir())
            except OSError:
                self._listings[folder] = frozenset()
        return name in self._listings[folder]

    def _is_dir(self, path: Path) -> bool:
        return path.suffix not in (".py", ".pyi") and path.is_dir()


def _is_optional(module: Module, node: ast.stmt) -> bool:
    """Whether an import stands in a `try` that catches its failure, or is for type checkers alone."""
    for one in ast.walk(module.tree):
        guarded = isinstance(one, ast.Try) or (isinstance(one, ast.If) and "TYPE_CHECKING" in ast.unparse(one.test))
        if guarded and any(inner is node for inner in ast.walk(one)):
            return True
    return False
