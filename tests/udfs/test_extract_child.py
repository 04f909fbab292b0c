"""Pages that crash, hang or fill the memory of the extracting process."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from udfs.extract_child import ExtractChild, Library, extract_child, load_extractor
from udfs.extraction import Extraction, Options

PAGE = "<html><body><article><p>" + "Wheat is ground between two stones, and the bran is sifted out. " * 5
PROGRAM = """
import ctypes, os, sys
from udfs import extract_child
from udfs.extraction import Extraction

extract_child.MAX_CPU_SECONDS = 0.2
extract_child.MAX_ADDRESS_BYTES = 1 << 30

def extract(page):
    html = page.decode()
    if html == "crash":
        ctypes.string_at(0)
    if html == "hang":
        while True:
            pass
    if html == "grow":
        bytearray(2 << 30)
    if html == "exit":
        os._exit(0)
    if html == "print":
        print("not an answer", file=sys.stderr)
        os.write(1, b"not an answer")
    return Extraction(html.upper() + f" {os.getpid()}")

extract_child.serve(extract)
"""


@pytest.fixture
def child() -> Iterator[ExtractChild]:
    child = ExtractChild([sys.executable, "-c", PROGRAM])
    yield child
    child.close()


@pytest.mark.parametrize("fault", ["crash", "hang", "grow", "exit"])
def test_a_page_that_ends_the_child_is_given_up_and_its_neighbours_are_not(child: ExtractChild, fault: str) -> None:
    before = child.extract(b"before")
    assert child.extract(fault.encode()) == Extraction(None, "extractor_died")
    after = child.extract(b"after")
    assert (before.text or "").startswith("BEFORE ")
    assert (after.text or "").startswith("AFTER ")
    assert (before.text or "").split()[1] != (after.text or "").split()[1], "the child was not replaced"


def test_one_child_serves_many_pages_of_any_size(child: ExtractChild) -> None:
    texts = [child.extract(b"x" * n).text or "" for n in (0, 1, 70_000, 5_000_000)]
    assert [len(text.split(" ")[0]) for text in texts] == [0, 1, 70_000, 5_000_000]
    assert len({text.split(" ")[1] for text in texts}) == 1


def test_what_a_library_prints_is_not_taken_for_an_answer(child: ExtractChild) -> None:
    assert (child.extract(b"print").text or "").startswith("PRINT ")


@pytest.mark.parametrize("library", ["trafilatura", "resiliparse"])
def test_the_child_says_what_extraction_says_here(library: Library) -> None:
    pages = [PAGE.encode(), b"", b"\xff\xed\xa0\x80 \0 <p>", (PAGE + "▁ 粉").encode()]
    options = Options(favor="recall")
    child, extract = extract_child(library, options), load_extractor(library)
    assert [child.extract(page) for page in pages] == [extract(page, options) for page in pages]


def test_the_child_ends_when_its_parent_does(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    program = PROGRAM + f"open({str(ended)!r}, 'w').close()"
    parent = f"""if True:
        import os
        from udfs.extract_child import ExtractChild
        child = ExtractChild([{sys.executable!r}, "-c", {program!r}])
        child.extract(b"x")
        os._exit(0)"""
    subprocess.run([sys.executable, "-c", parent], check=True)
    for _ in range(200):
        if ended.exists():
            return
        time.sleep(0.05)
    pytest.fail("the child is still there")
