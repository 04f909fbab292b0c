"""The main text of a web page by resiliparse, with the work for one page bounded.

Several times faster than trafilatura and less exact. It takes the square of the attributes of a tag,
and for each tag looks at the elements that are open; pages that would take it long are refused before it sees them.
"""

from resiliparse.extract.html2text import extract_plain_text

from udfs.extraction import MAX_ATTRIBUTE_WORK, Extraction, Options
from udfs.markup import measure

MAX_ELEMENTS = 500_000
MAX_DEPTH_WORK = 5_000_000
"""Tags times depth. Of 942 pages of crawls and gold sets the largest has 824,000."""


def extract_resiliparse(page: bytes, options: Options) -> Extraction:
    """The main text of a page in UTF-8. Never raises because of what the page contains, but for lack of memory."""
    if len(page) > options.max_bytes:
        return Extraction(None, "too_large")
    size = measure(page)
    if size.n_elements > MAX_ELEMENTS:
        return Extraction(None, "too_many_elements")
    if size.n_tags * size.depth > MAX_DEPTH_WORK:
        return Extraction(None, "too_deep")
    if size.attribute_work > MAX_ATTRIBUTE_WORK:
        return Extraction(None, "too_many_attributes")
    try:
        text = extract_plain_text(page.decode("utf-8", "replace"), main_content=True, alt_texts=False)
    except MemoryError:  # says something about this machine, not about the page
        raise
    except Exception:  # noqa: BLE001 - whatever a page makes the library do costs that page alone
        return Extraction(None, "extractor_failed")
    return Extraction(text) if text.strip() else Extraction(None, "no_text")
