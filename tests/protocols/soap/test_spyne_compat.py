"""Spyne on every Python."""

import importlib
import sys

from echs.protocols.soap import spyne_compat


def test_the_finder_is_put_in_place_once():
    spyne_compat.install()
    spyne_compat.install()
    assert sum(isinstance(finder, spyne_compat.VendoredSixFinder) for finder in sys.meta_path) == 1


def test_what_six_moved_is_found_through_the_finder_alone():
    importlib.import_module("spyne.util.six")
    finder = spyne_compat.VendoredSixFinder()
    name = "spyne.util.six.moves.collections_abc"
    spec = finder.find_spec(name)
    assert spec is not None
    assert finder.create_module(spec).Sequence is importlib.import_module("collections.abc").Sequence


def test_the_finder_knows_nothing_else():
    finder = spyne_compat.VendoredSixFinder()
    for name in ("json", "six.moves", "spyne.util.six", "spyne.util.six.moves.nonsense"):
        assert finder.find_spec(name) is None


def test_nothing_of_ours_imports_what_python_3_13_dropped():
    assert "cgi" not in sys.modules
