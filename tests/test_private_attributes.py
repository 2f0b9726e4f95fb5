"""What is used of libraries although it is not part of their public interface: each such name is here, and is there.

A dependency with an entry here has an upper bound in pyproject.toml. Whoever raises the bound runs this first.
"""

import ast
import importlib
import inspect
import io
import re
import socket
import tomllib
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import TConn
from prometheus_client import values
from reportlab.pdfbase.pdfdoc import PDFDictionary, PDFName, PDFStream
from reportlab.pdfgen.canvas import Canvas

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src" / "echs").rglob("*.py"))

# The names with an underscore that src uses of somebody else's object. A named tuple's are public in spite of theirs.
NAMED_TUPLE = {"_make", "_fields", "_asdict", "_replace", "_field_defaults"}
FOREIGN = {
    "serving/gunicorn_worker.py": {"self.tpool._work_queue"},
    # The name of a type, for mypy alone: it is not evaluated.
    "protocols/soap/request_body.py": {"zlib._Decompress"},
    "statements/description.py": {"canvas._doc"},
    "statements/typesetting.py": {"canvas._doc", "canvas._code"},
}

# Without an underscore, but not documented either: which package it is of, and what of it src relies on.
UNDOCUMENTED = {
    "gunicorn.workers.gthread.ThreadWorker": (
        *("init_process", "run", "handle", "handle_request", "is_parent_alive", "accept", "handle_error"),
        *("alive", "tpool", "nr_conns"),
    ),
    "gunicorn.workers.gthread.TConn": ("parser", "sock"),
    "gunicorn.arbiter.Arbiter": (
        *("app", "handle_term", "handle_int", "handle_chld", "wait_for_signals", "murder_workers", "manage_workers"),
    ),
    "gunicorn.http.unreader.Unreader": ("buf",),
    "gunicorn.util.write_error": (),
    "gunicorn.http.errors.ParseException": (),
    "reportlab.pdfbase.pdfdoc.PDFPage": ("Contents", "stream"),
    "reportlab.pdfbase.ttfonts.TTFont": ("splitString", "getSubsetInternalName", "face"),
    "reportlab.pdfbase.ttfonts.TTFontFace": ("charToGlyph", "charWidths"),
    "prometheus_client.multiprocess.mark_process_dead": (),
    "prometheus_client.multiprocess.MultiProcessCollector": (),
    "spyne.protocol.xml.XmlDocument": ("to_parent", "event_manager"),
    "spyne.server.ServerBase": ("generate_contexts", "get_in_object", "get_out_object", "get_out_string"),
}
BOUNDED = ("gunicorn", "prometheus-client", "reportlab", "spyne", "sqlalchemy")


def foreign_private_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Uses of ``object._name`` where the object is neither ``self`` nor ``cls``, and imports of such names."""
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            of = ast.unparse(node.value)
            if of not in ("self", "cls", *own) and node.attr not in NAMED_TUPLE:
                yield node.lineno, f"{of}.{node.attr}"
        if isinstance(node, ast.ImportFrom) and node.module and not node.module.startswith("echs"):
            path = [*node.module.split("."), *(alias.name for alias in node.names)]
            private = [part for part in path if part.startswith("_") and not part.startswith("__")]
            if private:
                yield node.lineno, f"{node.module}.{private[0]}"
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr", "hasattr"):
            asked = node.args[1] if len(node.args) > 1 else None
            if isinstance(asked, ast.Constant) and re.match(r"_[^_]", str(asked.value)):
                yield node.lineno, f"{ast.unparse(node.args[0])}.{asked.value}"


def test_no_other_private_attribute_of_somebody_else_is_used():
    found = {}
    for path in SOURCES:
        names = {name for _, name in foreign_private_names(ast.parse(path.read_text()))}
        if names:
            found[str(path.relative_to(ROOT / "src" / "echs"))] = names
    assert found == FOREIGN, "use the library's public interface, or name it here, test that it exists, and bound it"


def test_the_look_at_the_sources_sees_each_way_to_a_private_name():
    source = "from a._b import c\nfrom d import _e\nf._g\nself._h\ngetattr(i, '_j')\nk.__class__\nR._make\n"
    assert {name for _, name in foreign_private_names(ast.parse(source))} == {"a._b._b", "d._e", "f._g", "i._j"}


def test_every_private_attribute_in_use_exists_in_the_installed_libraries():
    assert hasattr(ThreadPoolExecutor(1)._work_queue, "qsize")
    canvas = Canvas(io.BytesIO())
    assert isinstance(canvas._code, list)
    canvas._code.append("BT ET")
    canvas.showPage()
    page = canvas._doc.Pages.pages[-1]
    assert "BT ET" in page.stream, "a finished page is expected to hold its operators as text"
    assert hasattr(page, "Contents")
    page.Contents, page.stream = (
        PDFStream(PDFDictionary({"Filter": PDFName("FlateDecode")}), zlib.compress(b"BT")),
        None,
    )
    canvas.save()


def test_a_connection_of_gunicorn_has_what_the_worker_looks_at():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        conn = TConn(Config(), ours, ("127.0.0.1", 1), ("127.0.0.1", 2))
        assert conn.sock is ours
        parser = RequestParser(Config(), ours, ("127.0.0.1", 1))
        assert parser.unreader.buf.getvalue() == b""
        assert "parser" in vars(conn)


def test_every_undocumented_attribute_in_use_exists_in_the_installed_libraries():
    missing = []
    for path, names in UNDOCUMENTED.items():
        module, _, name = path.rpartition(".")
        thing = getattr(importlib.import_module(module), name, None)
        if thing is None:
            missing.append(path)
            continue
        package = path.partition(".")[0]
        bases = [each for each in getattr(thing, "__mro__", ()) if each.__module__.startswith(package)]
        source = "".join(map(inspect.getsource, bases))
        for each in names:
            if not hasattr(thing, each) and not re.search(rf"\bself\.{each}\b", source):
                missing.append(f"{path}.{each}")
    assert not missing


def test_the_files_of_the_meters_end_in_the_process_id():
    """`echs.base.metrics.allocated` and the removal of a dead worker's files go by it."""
    assert "'{}_{}.db'.format(file_prefix, pid['value'])" in inspect.getsource(values.MultiProcessValue)


def test_a_dependency_that_is_used_past_its_interface_has_an_upper_bound():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name in BOUNDED:
        (requirement,) = [each for each in project["dependencies"] if re.split(r"[^\w-]", each)[0] == name]
        assert "<" in requirement or "==" in requirement, f"{requirement}: bound it above"
    packages = {path.partition(".")[0].replace("_", "-") for path in UNDOCUMENTED}
    assert packages <= set(BOUNDED)
