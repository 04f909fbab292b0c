"""Web pages around the demo's texts: site frames with navigation, banner, sidebar and footer, and pages that are
nothing but frame.

The frames are short imitations of common layouts, made so that text extraction has something to remove.
"""

import html
import re
from collections.abc import Iterable
from dataclasses import replace
from string import Template

from markdown_it import MarkdownIt

from jobs.demo_archives import Response
from jobs.demo_sources import Document, Package
from udfs.hashing import keyed_uint64

FRAMES = (
    Template("""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>$title - $site</title>
<style>nav li { display: inline }</style><script>window.analytics = [];</script></head><body>
<div id="cookie-banner" class="cookie-consent"><p>We use cookies to improve your experience.</p>
<button>Accept all</button> <button>Settings</button></div>
<header><a href="/" class="logo">$site</a><nav><ul>$navigation</ul></nav></header>
<main><article>$content</article></main>
<aside><h3>Related pages</h3><ul>$related</ul></aside>
<footer><p>&copy; 2026 $site. All rights reserved. <a href="/privacy">Privacy policy</a></p></footer>
</body></html>"""),
    Template("""<html><head><title>$title</title></head><body bgcolor="#ffffff">
<table width="100%"><tr><td colspan="2"><b>$site</b> | $navigation</td></tr>
<tr><td width="20%" valign="top"><b>Menu</b><ul>$related</ul></td><td valign="top">$content</td></tr>
<tr><td colspan="2"><small>Last changed in January. Contact the webmaster.</small></td></tr></table></body></html>"""),
    Template("""<!DOCTYPE html><html lang="en"><head><title>$title</title></head><body class="docs">
<div class="sidebar"><input placeholder="Search the docs"><ul class="toc">$navigation</ul></div>
<div class="breadcrumbs"><a href="/">Home</a> &raquo; <a href="/docs">Docs</a> &raquo; $title</div>
<div class="document"><div class="body">$content</div></div>
<div class="prev-next"><a href="prev">Previous</a> <a href="next">Next</a></div>
<div class="footer">Built with a documentation generator. <a href="_sources">Show source</a></div></body></html>"""),
    Template("""<!DOCTYPE html><html lang="en"><head><title>$title | $site blog</title></head><body>
<div class="topbar"><a href="/login">Sign in</a>
<a href="/register">Register</a> <a href="/cart">0 items in cart</a></div>
<ul class="menu">$navigation</ul><div class="post"><div class="share"><a href="#">Share</a> <a href="#">Tweet</a></div>
$content</div><div class="more"><h4>You may also like</h4><ul>$related</ul></div>
<form class="newsletter"><label>Subscribe to our newsletter</label><input type="email"></form>
<div class="bottom">Terms of use | Imprint | Contact | Sitemap</div></body></html>"""),
)
SECTIONS = ("Home", "Download", "Documentation", "Community", "News", "Support", "About", "Contact")

COOKIE_WALL = """<h1>Before you continue</h1><p>We and our 217 partners use cookies. Accept all or manage choices.</p>
<button>Accept all</button><button>Reject all</button><a href="/partners">List of partners</a>"""
LOGIN_FORM = """<h1>Sign in</h1><form><label>Name</label><input><label>Password</label><input type="password">
<button>Sign in</button></form><a href="/forgot">Forgot your password?</a> <a href="/register">Register</a>"""
NOT_FOUND = """<h1>404</h1><p>The page that you were looking for is not here. It may have moved, or the address may be
wrong. Try the search, or go back to the home page and start again from there.</p>"""


def site_page(url: str, title: str, content: str, related: Iterable[str], seed: int) -> Response:
    """`content` (HTML) in the frame of its site; the frame is drawn by a hash of the host."""
    site = url.split("/")[2]
    frame = FRAMES[keyed_uint64(seed, site) % len(FRAMES)]
    page = frame.substitute(
        title=html.escape(title),
        site=site,
        navigation=_links(SECTIONS),
        content=content,
        related=_links(related),
    )
    return Response(url, page.encode())


def _links(names: Iterable[str]) -> str:
    return "".join(f'<li><a href="/{html.escape(name.lower())}">{html.escape(name)}</a></li>' for name in names)


def article(title: str, paragraphs: Iterable[str]) -> str:
    """A heading and paragraphs as HTML."""
    body = "".join(f"<p>{html.escape(paragraph)}</p>\n" for paragraph in paragraphs)
    return f"<h1>{html.escape(title)}</h1>\n{body}"


def readme_html(text: str, media_type: str) -> str:
    """A README as HTML: Markdown is rendered; of anything else the headings, paragraphs and indented blocks are told
    apart, and inline markup stays as it is."""
    if media_type.startswith("text/markdown"):
        return MarkdownIt("commonmark").enable("table").render(text)
    return "\n".join(_plain_block(block) for block in re.split(r"\n\s*\n", text) if block.strip())


def _plain_block(block: str) -> str:
    lines = html.escape(block.strip("\n")).split("\n")
    if lines[0].startswith((" ", "\t")):
        return "<pre>" + "\n".join(lines) + "</pre>"
    if len(lines) == 2 and re.fullmatch(r"[-=~^*#]{3,}", lines[1].strip()):
        return f"<h2>{lines[0]}</h2>"
    return "<p>" + " ".join(lines) + "</p>"


def readme_page(package: Package, seed: int) -> Response:
    """The home page of a package: its summary and its README."""
    content = article(package.name, [package.summary]) + readme_html(package.readme, package.readme_type)
    return site_page(f"https://{package.name}.example/", package.name, content, SECTIONS[:3], seed)


def document_page(document: Document, related: Iterable[str], seed: int) -> Response:
    url = f"https://{document.package}.example/docs/{document.name}.html"
    return site_page(url, document.name, article(document.name, document.paragraphs), related, seed)


def mirror_pages(documents: Iterable[Document], seed: int) -> list[Response]:
    """The same documents on three other sites, slightly edited: a line put before, the last paragraph cut off."""
    pages = []
    for number, document in enumerate(documents):
        url = f"https://mirror-{number % 3}.example/{document.package}/{document.name}"
        edited = (f"This is a copy of a page of {document.package}, made in January.", *document.paragraphs[:-1])
        pages.append(site_page(url, document.name, article(document.name, edited), SECTIONS[:4], seed))
    return pages


def tracked_copies(pages: Iterable[Response]) -> list[Response]:
    """The same pages again, at addresses that differ by a tracking parameter."""
    return [replace(page, url=f"{page.url}?utm_source=newsletter&utm_medium=email") for page in pages]


def boilerplate_pages(site: str, names: list[str], seed: int) -> list[Response]:
    """Pages of a site that hold no text worth keeping: navigation, a cookie wall, a form, a tag cloud, links."""
    bodies = {
        "index": "",
        "consent": COOKIE_WALL,
        "login": LOGIN_FORM,
        "tags": " ".join(f'<a href="/tag/{name}">{name}</a>' for name in names),
        "links": "<ul>" + "".join(f'<li><a href="https://{name}.example/">{name}</a></li>' for name in names) + "</ul>",
    }
    return [site_page(f"https://{site}/{path}", path, body, names[:5], seed) for path, body in bodies.items()]


def odd_responses(seed: int) -> list[Response]:
    """Answers that are no page in good order: errors, redirects, other media types, empty bodies, wrong charsets."""
    site = "https://odds.example"
    german = article(
        "Grüße", ["Der Müller mahlt das Korn, und der Bäcker holt früh am Morgen das Mehl für die Brötchen."] * 3
    )
    page = site_page(f"{site}/gone", "Not found", NOT_FOUND, (), seed)
    return [
        Response(page.url, page.body, status="404 Not Found"),
        Response(f"{site}/old", b"", status="301 Moved Permanently", location=f"{site}/new"),
        Response(f"{site}/error", b"<h1>Bad gateway</h1>", status="502 Bad Gateway"),
        Response(f"{site}/paper.pdf", b"%PDF-1.4\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n", "application/pdf"),
        Response(f"{site}/dot.gif", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "image/gif"),
        Response(f"{site}/empty", b""),
        Response(f"{site}/blank", b"<html><body></body></html>"),
        Response(f"{site}/latin1-called-utf8", german.encode("cp1252"), "text/html; charset=utf-8"),
        Response(f"{site}/utf8-called-latin1", german.encode(), "text/html; charset=iso-8859-1"),
        Response(f"{site}/no-such-charset", german.encode(), "text/html; charset=x-unheard-of"),
        Response(f"{site}/data.json", b'{"mill": "stone", "grain": ["rye", "wheat"]}', "application/json"),
        Response(f"{site}/robots.txt", b"User-agent: *\nDisallow: /private\n", "text/plain"),
    ]
