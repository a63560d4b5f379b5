"""Importing a file of somebody's own classes, and what it imports from beside it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import ModuleType

__all__ = ["comes_with_mmgsim", "files_behind", "module_of_file"]

_OWN = ("mmgsim", "mmgsim_agents")


def comes_with_mmgsim(found: type) -> bool:
    """Tell whether a class is one of the project's own, not somebody's plug-in."""
    return found.__module__.partition(".")[0] in _OWN


@dataclass(slots=True)
class _Siblings:
    """What was imported from a folder of plug-in files: content by file, names of modules."""

    content: dict[Path, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    generation: int = 0

    def is_changed(self) -> bool:
        return any(_content(file) != was for file, was in self.content.items())

    def forget(self) -> None:
        for name in self.names:
            sys.modules.pop(name, None)
        self.names.clear()


_FOLDERS: dict[Path, _Siblings] = {}


def module_of_file(path: Path) -> ModuleType:
    """Import a file that is in no package, once for every content that it and its siblings had.

    Modules beside the file can be imported at its top; what is installed goes before them. Two
    folders may have modules of one name: each plug-in gets its own.

    Raises
    ------
    ImportError
        If the file cannot be imported as a module; whatever else the file raises.
    """
    folder = path.parent
    siblings = _FOLDERS.setdefault(folder, _Siblings())
    if siblings.is_changed():
        siblings.forget()
        siblings.content.clear()
        siblings.generation += 1
    key = f"{path}{siblings.generation}".encode() + path.read_bytes()
    name = f"mmgsim_plugin_{path.stem}_{sha256(key).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported as a module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _importable(folder, siblings):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]  # half a module must not be found the next time
        raise
    return module


def files_behind(found: type) -> dict[Path, str]:
    """Give the sha256 of the file that a class is in, and of those imported from beside it."""
    file = getattr(sys.modules.get(found.__module__), "__file__", None)
    if file is None:
        return {}
    path = Path(file).resolve()
    beside = _FOLDERS.get(path.parent, _Siblings()).content
    return {path: _content(path), **beside}


@contextmanager
def _importable(folder: Path, siblings: _Siblings) -> Iterator[None]:
    """Let modules of a folder be imported meanwhile, after all that is installed."""
    if any(Path(place).resolve() == folder for place in sys.path):
        yield
        return
    for other in _FOLDERS.values():
        if other is not siblings:
            other.forget()
    before = set(sys.modules)
    importlib.invalidate_caches()
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            file = _file_in(folder, name, before)
            if file is not None:
                siblings.names.add(name)
                siblings.content[file] = _content(file)


def _file_in(folder: Path, name: str, before: set[str]) -> Path | None:
    """Give the file of a new module, if it, or the package around it, was found in a folder."""
    top = name.partition(".")[0]
    file = getattr(sys.modules[name], "__file__", None)
    if top in before or file is None:
        return None
    found = Path(file).resolve()
    is_here = found in (folder / f"{top}.py", folder / top / "__init__.py")
    return found if is_here or (folder / top) in found.parents else None


def _content(file: Path) -> str:
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""
