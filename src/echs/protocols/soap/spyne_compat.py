"""Makes Spyne 2.14 importable on Python 3.12 and newer. The one place that knows how.

Spyne carries a copy of ``six`` whose importer speaks the protocol that Python 3.12 dropped (``find_module``), so that
``spyne.util.six.moves`` is not found. The finder below answers in its stead. Spyne's own SOAP and WSGI modules need
``cgi`` as well, which Python 3.13 dropped; this project has its own and imports neither of the two.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

VENDORED = "spyne.util.six"


class VendoredSixFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds what Spyne's copy of six can load but can no longer find."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for the modules under ``spyne.util.six.moves``, nothing for any other."""
        if not fullname.startswith(VENDORED + ".moves") or self._importer(fullname) is None:
            return None
        return importlib.util.spec_from_loader(fullname, self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """The module as six makes it."""
        importer = self._importer(spec.name)
        module: ModuleType | None = importer.load_module(spec.name) if importer is not None else None
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: six has filled it."""

    def _importer(self, fullname: str) -> Any:
        """The importer of Spyne's six, once that is loaded, if it knows the module."""
        for finder in sys.meta_path:
            known = getattr(finder, "known_modules", None)
            if known is not None and getattr(finder, "name", None) == VENDORED and fullname in known:
                return finder
        return None


def install() -> None:
    """Put the finder in place, once."""
    if not any(isinstance(finder, VendoredSixFinder) for finder in sys.meta_path):
        sys.meta_path.append(VendoredSixFinder())
