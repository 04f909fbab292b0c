"""What the block extractor knows about HTML: names of elements, what they close, and the words of class names.

All of it is arrays that the kernels of udfs/blocks_scan.py and udfs/blocks_features.py read. The words hint at what an
element holds; none decides alone, and the model learned how far each is to be trusted. Changing anything here
changes the features, and the model has to be trained again (scripts/train_blocks.py).
"""

from collections import deque
from html.entities import name2codepoint

import numpy as np
from numpy.typing import NDArray

_INLINE = """a abbr acronym area b bdi bdo big cite code data del dfn em font i img input ins kbd label map mark
nobr param picture q rb rp rt rtc ruby s samp small source span strike strong sub sup time track tt u var wbr"""
_BLOCK = """address article aside blockquote body button canvas caption center colgroup dd details dialog dir div dl dt
fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup legend li main marquee math menu nav
noscript object ol optgroup option p pre search section select slot summary svg table tbody td template tfoot th thead
tr ul audio video applet"""
_IGNORED = "html head base basefont bgsound col embed frame link meta br hr"
_RAW = "script style iframe textarea title xmp noframes noembed"

TAGS = ("", "!", *_INLINE.split(), *_BLOCK.split(), *_IGNORED.split(), *_RAW.split())
"""Names of elements; the number of one is its place. 0 stands for all others, which are taken for inline, and 1 for
comments and declarations."""
TAG = {name: number for number, name in enumerate(TAGS)}


def _flags(names: str) -> NDArray[np.bool_]:
    numbers = {TAG[name] for name in names.split()}
    return np.array([number in numbers for number in range(len(TAGS))])


IS_INLINE = _flags(_INLINE) | (np.arange(len(TAGS)) == 0)
IS_RAW = _flags(_RAW)
"""What they hold is text up to their own end tag, and none of it is shown on the page."""
IS_LEAF = _flags(f"! {_IGNORED} {_RAW} img input area param source track wbr")
"""They hold no other elements, or their borders mean nothing here."""
IS_UNREAD = _flags("button canvas math object optgroup option select svg template applet audio video map")
"""Their text is no text of the page. A <noscript> is read: it often holds what scripts would show."""
IS_BREAK = _flags("br hr")

CELL, ROW, TABLE, ITEM, LIST, TERM, TERMS, PARAGRAPH, ROWS, LINK = (1 << k for k in range(10))


ROLE = sum(
    role * _flags(names)
    for role, names in (
        *((CELL, "td th"), (ROW, "tr"), (TABLE, "table"), (ROWS, "thead tbody tfoot"), (ITEM, "li")),
        *((LIST, "ul ol menu dir"), (TERM, "dt dd"), (TERMS, "dl"), (PARAGRAPH, "p"), (LINK, "a")),
    )
) + np.zeros(len(TAGS), np.int64)
"""What an element is to those in it and around it."""
CLOSES = np.where(IS_INLINE, 0, PARAGRAPH)
"""Roles of the open element that a start tag ends (HTML standard, section 13.1.2.4, optional tags)."""
STOPS = np.full(len(TAGS), -1)
"""Roles of the open elements beyond which it does not look for that one; -1: any that is not inline."""
for _names, _closes, _stops in (
    ("li", ITEM, LIST | CELL | TABLE),
    ("dt dd", TERM, TERMS | CELL | TABLE),
    ("td th", CELL, ROW | ROWS | TABLE),
    ("tr", ROW, TABLE),
    ("thead tbody tfoot", ROWS, TABLE),
    ("a", LINK, -1),
):
    CLOSES[_flags(_names)], STOPS[_flags(_names)] = _closes, _stops

_GROUPS = (
    *("article", "main", "nav", "footer", "header hgroup", "aside", "section", "form fieldset", "table"),
    *("ul ol menu dir", "li", "p", "td th", "div", "blockquote q", "figure figcaption picture caption"),
    *("h1", "h2", "h3 h4 h5 h6", "dl dt dd", "pre", "noscript", "details summary dialog", "address center"),
)
N_GROUPS = len(_GROUPS)
GROUP = np.full(len(TAGS), -1)
"""Number of the kind of an element, -1 for those of no kind."""
for _number, _names in enumerate(_GROUPS):
    GROUP[_flags(_names)] = _number

_CLASS_WORDS = {
    "article": "article _story storybody _post_ postbody entry _news_ newsitem blogpost",
    "content": """content _main_ maincol maintext _body _text_ textbody fulltext bodytext _detail details_ _single_
        paragraph inhalt contenu contenido tresc _page_ _copy_ richtext rte""",
    "navigation": "_nav menu breadcrumb _crumb navbar navig _tabs_ _tab_ pager paging paginat sitemap _lang_ languag",
    "footer": "footer _foot_ _bottom_ copyright _legal_ impressum fuss imprint colophon",
    "side": "sidebar _side_ _aside _right_ rightcol _left_ leftcol _rail_ sidecol secondary marginal",
    "comments": """comment discuss disqus _reply _replies respond _forum kommentar komentar feedback _review
        guestbook _message _thread""",
    "sharing": """share sharing _social facebook twitter _tweet follow addthis addtoany bookmark whatsapp _like_ _likes_
        _print_ _email_ toolbar _tools_ _vk_ telegram""",
    "related": """related recommend _more_ readmore popular trending similar latest mostread _most_ _also_ outbrain
        taboola _archive _recent _top_ teaser _next_ _prev _previous""",
    "advertising": "_ad_ _ads_ _adv_ advert sponsor promo banner doubleclick werbung reklam anzeige _dfp _gpt_",
    "widget": "widget _module _item _card _list_ _box_ _block_ _tile _grid_ _row_ _panel",
    "header": "header _head_ masthead _logo_ topbar _brand_ _top_bar",
    "byline": """byline author _date_ _time_ timestamp published pubdate _tag_ _tags_ categor _meta_ metadata _info_
        _credit _source_ autor datum""",
    "media": """caption figure _image_ _images_ _img_ _photo gallery _media_ video slide carousel _foto thumb player
        picture audio""",
    "popup": """popup modal overlay cookie consent newsletter subscri login signin signup register paywall gdpr donat
        _user _account _alert dialog lightbox tooltip""",
    "title": "title headline heading _ueberschrift titre titulo",
    "lead": "_summary _lead_ _intro excerpt subtitle subhead standfirst _lede abstract _deck_ _chapo _zajawka",
    "form": "_form_ search input captcha _vote _poll_ rating _quiz field",
    "hidden": "display_none visibility_hidden _hidden_ _hide_ invisible _sr_only screen_reader visuallyhidden",
}
"""Words of class names, ids, roles and styles, by what they hint at. `_` is a border: anything but a letter, or a
capital behind a small letter."""
N_CATEGORIES = len(_CLASS_WORDS)
BYLINE, HIDDEN = (1 << list(_CLASS_WORDS).index(name) for name in ("byline", "hidden"))
BORDER = 26


def _make_trie() -> tuple[list[list[int]], list[int]]:
    """(children by symbol, 0 for none; bits of the categories of which a word ends there) of each state."""
    children, found = [[0] * 27], [0]
    for category, words in enumerate(_CLASS_WORDS.values()):
        for word in words.split():
            state = 0
            for symbol in (BORDER if c == "_" else ord(c) - ord("a") for c in word):
                if not children[state][symbol]:
                    children[state][symbol] = len(children)
                    children.append([0] * 27)
                    found.append(0)
                state = children[state][symbol]
            found[state] |= 1 << category
    return children, found


def _make_automaton() -> tuple[NDArray[np.int16], NDArray[np.int32]]:
    """(next state by state and symbol, categories of all words that end there): Aho and Corasick, CACM 18 (1975)."""
    moves, found = _make_trie()
    fallback = [0] * len(moves)
    waiting = deque(child for child in moves[0] if child)
    while waiting:
        state = waiting.popleft()
        found[state] |= found[fallback[state]]
        for symbol, child in enumerate(moves[state]):
            if child:
                fallback[child] = moves[fallback[state]][symbol]
                waiting.append(child)
            else:
                moves[state][symbol] = moves[fallback[state]][symbol]
    return np.array(moves, np.int16), np.array(found, np.int32)


MOVES, FOUND = _make_automaton()

HASH_FACTOR, HASH_MASK = 131, 0x7FFFFFFF


def name_hash(name: str) -> int:
    """What the kernels compute from a name in small letters, byte by byte; 31 bits."""
    code = 0
    for byte in name.encode():
        code = (code * HASH_FACTOR + byte) & HASH_MASK
    return code


def _index(values: dict[str, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(hash of a name, its value) at the hash modulo their length, the smallest for which no two names meet; hash -1
    is a free place."""
    hashes = {name_hash(name): value for name, value in values.items()}
    size = next(n for n in range(len(values), 1 << 16) if len({code % n for code in hashes}) == len(values))
    keys, numbers = np.full(size, -1), np.zeros(size, np.int64)
    for code, value in hashes.items():
        keys[code % size], numbers[code % size] = code, value
    return keys, numbers


TAG_KEYS, TAG_NUMBERS = _index({name: number for number, name in enumerate(TAGS) if number > 1})

_ENTITIES = """amp bull cent copy euro gt hellip laquo ldquo lsquo lt mdash middot nbsp ndash pound quot raquo rdquo reg
rsquo sect shy thinsp times trade yen zwj zwnj"""
ENTITY_KEYS, ENTITY_CODES = _index({name: name2codepoint[name] for name in _ENTITIES.split()})
"""The code points of the references that are no letters and common; all others count as letters."""
