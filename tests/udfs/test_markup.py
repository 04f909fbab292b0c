"""The size of a page before it is parsed, against what lxml finds in it."""

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.markup import measure


@pytest.mark.parametrize(
    ("html", "n_elements", "attribute_work"),
    [
        ("", 0, 0),
        ("<", 0, 0),
        ("a < b <3 </p> <!doctype html>", 0, 0),
        ("<p>x<br/><B>", 3, 0),
        ("<p a b=c d='e f' g=\"h>\"i=j k = l>", 1, 36),
        ("<p a/b c=d/e>x<p f>", 2, 10),
        ("<p a='unclosed>x<p>", 1, 1),
        ("<!-- <p a b> --><p a>", 1, 1),
        ("<!--><p a><!-- open <p a b c>", 1, 1),
        ("<script a>if (x<y && z) '<p a b c>'</scripty></SCRIPT ><p b>", 2, 2),
        ("<style><p a b></style><title><p a b></title><textarea><p a b", 3, 0),
        ("<script/><p a b>", 2, 4),
        ("<?php <p a> ?><p b></ <p a>><p c>", 2, 2),
    ],
)
def test_tags_and_attributes_are_counted_as_the_standard_splits_them(
    html: str, n_elements: int, attribute_work: int
) -> None:
    found = measure(html.encode())
    assert (found.n_elements, found.attribute_work) == (n_elements, attribute_work)


@pytest.mark.parametrize(
    ("html", "n_tags", "depth"),
    [
        ("<div><p>a<br><p>b<ul><li>c<li>d</ul></div><div></div>", 11, 2),
        ("</div></b><b><i><u>", 5, 3),
        ("<svg><g><path/><path/><use/></g></svg><path/><path/>", 9, 2),
        ("<math><mi/></math><x-a/><x-b/>", 5, 2),
        ("<style><b><b><b></style>", 2, 1),
    ],
)
def test_depth_is_that_of_the_elements_open_at_once(html: str, n_tags: int, depth: int) -> None:
    found = measure(html.encode())
    assert (found.n_tags, found.depth) == (n_tags, depth)


TOKENS = [
    *(
        "<p",
        "<a b",
        "</p",
        "</",
        "<!",
        "<?",
        "<!--",
        "-->",
        "--!>",
        "<b c=d>",
        "x1 x2 x3",
        "=",
        '"',
        "'",
        " ",
        "/",
        ">",
        "<",
    ),
    *(
        f"{bracket}{name}>"
        for name in ("style", "title", "textarea", "iframe", "xmp", "noscript")
        for bracket in ("<", "</")
    ),
]


@given(st.lists(st.sampled_from(TOKENS), max_size=10).map("".join))
def test_no_attribute_that_lxml_finds_is_hidden_by_what_stands_before_it(start: str) -> None:
    attributes = " ".join(f"q{i}" for i in range(30))
    html = f"""<html><body><i>{start}" ' > --> <p {attributes}>end""".encode()
    tree = lxml.html.document_fromstring(html)
    most = max(len(element.attrib) for element in tree.iter() if isinstance(element.tag, str))
    assert most < 30 or measure(html).attribute_work >= 900
