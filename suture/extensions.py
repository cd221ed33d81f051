"""How extensions are found: one value in one file of a folder, or an entry point of an installed package."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Duplicated(ImportError):
    """Two extensions of one kind carry the same name."""


def found(package: str, attribute: str, kind: type[T]) -> dict[str, T]:
    """Every value called ``attribute`` in the modules of ``package`` and in its entry-point group, by name, sorted.

    Raises TypeError for a value of another kind and Duplicated for a name that is taken.
    """
    return cast("dict[str, T]", _found(package, attribute, cast(Any, kind)))


@cache  # imports happen once; the folder does not change under a running program
def _found(package: str, attribute: str, kind: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for value in (*_in_folder(package, attribute), *(point.load() for point in entry_points(group=package))):
        if not isinstance(value, kind):
            raise TypeError(f"{attribute} in {package} must be a {kind.__name__}, not {type(value).__name__}")
        if value.name in values:
            raise Duplicated(f"two extensions of {package} are called {value.name!r}")
        values[value.name] = value
    return dict(sorted(values.items()))


def _in_folder(package: str, attribute: str) -> list[Any]:
    folder = importlib.import_module(package)
    modules = [importlib.import_module(f"{package}.{found.name}") for found in pkgutil.iter_modules(folder.__path__)]
    return [vars(module)[attribute] for module in modules if attribute in vars(module)]
