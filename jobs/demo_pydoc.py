"""The standard library's documentation as pydoc renders it, one HTML page a module.

pydoc imports what it documents, so only the modules listed here are touched (none opens a window, a socket or a file,
changes the terminal, or prints), and this in a process of its own: what else a process has imported and used shows on
pydoc's pages. Values of data are left out: they hold paths, the environment, and sets in any order.
"""

import importlib
import json
import os
import pydoc
import re
import subprocess
import sys
from collections.abc import Iterable

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

NAMES = """
    abc argparse array asyncio.events asyncio.queues asyncio.streams asyncio.tasks base64 bisect bz2 calendar cmath
    cmd code codecs codeop collections collections.abc colorsys compileall concurrent.futures
    concurrent.futures.process concurrent.futures.thread configparser contextlib contextvars copy copyreg csv
    ctypes.util dataclasses datetime dbm decimal difflib dis doctest email email.charset email.encoders
    email.generator email.header email.message email.mime.base email.mime.text email.parser email.policy email.utils
    enum errno fcntl filecmp fileinput fnmatch fractions ftplib functools gc getopt gettext glob graphlib grp gzip
    hashlib heapq hmac html html.entities html.parser http http.cookiejar http.cookies http.server imaplib importlib
    importlib.abc importlib.metadata importlib.resources importlib.util inspect io ipaddress itertools json
    json.decoder json.encoder json.scanner json.tool keyword linecache locale logging logging.config lzma mailbox
    marshal math mimetypes mmap modulefinder multiprocessing multiprocessing.connection multiprocessing.pool
    multiprocessing.shared_memory netrc numbers opcode operator optparse pathlib pickle pickletools pkgutil plistlib
    poplib posixpath pprint profile pstats py_compile pyclbr queue quopri random re reprlib resource runpy sched
    secrets select selectors shelve shlex shutil signal smtplib socket socketserver sqlite3 stat statistics string
    stringprep struct subprocess symtable sysconfig syslog tabnanny tarfile tempfile textwrap threading time timeit
    token tokenize tomllib trace traceback tracemalloc types typing unicodedata unittest.async_case unittest.case
    unittest.loader unittest.mock unittest.runner unittest.suite urllib.error urllib.parse urllib.response
    urllib.robotparser uuid venv warnings wave weakref wsgiref wsgiref.handlers wsgiref.headers
    wsgiref.simple_server wsgiref.util wsgiref.validate xml xml.dom.pulldom xml.etree.ElementTree xml.sax
    xml.sax.handler xml.sax.saxutils xml.sax.xmlreader xmlrpc.client zipapp zipfile zipimport zlib zoneinfo
"""
MODULES = NAMES.split()


class _Pages(pydoc.HTMLDoc):
    """pydoc's HTML without what differs between machines (file paths, links to a local manual, values of data)."""

    def filelink(self, url: str, path: str) -> str:
        return "standard library"

    def getdocloc(self, object: object, basedir: str = "") -> str | None:
        return None

    def docother(self, object: object, name: str | None = None, mod: object = None, *ignored: object) -> str:
        return f"<strong>{self.escape(name or '')}</strong> ({self.escape(type(object).__name__)})"


def module_pages(names: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """({module: HTML}, the modules that cannot be imported here)."""
    command = [sys.executable, "-P", "-W", "ignore", __file__, *names]
    done = subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "0"}, stdout=subprocess.PIPE, check=True)
    pages, left_out = json.loads(done.stdout)
    return pages, left_out


def _render(names: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    pages, left_out = {}, []
    for name in names:
        try:
            pages[name] = _page(name)
        except ImportError:
            left_out.append(name)
    return pages, left_out


def _page(name: str) -> str:
    renderer = _Pages()
    module = importlib.import_module(name)
    page = renderer.page(pydoc.describe(module), renderer.document(module, name))
    return ADDRESS.sub("", page.replace("&nbsp;", " "))  # pydoc writes each space as a hard one


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_render(sys.argv[1:])))
