"""Every signal once more in plain Python, by string operations: slow, and with nothing in common with the kernels."""

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from udfs.edits import Edits

# Letters of unspaced scripts, and marks, as far as the texts below need them.
UNSPACED = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u4e00-\u9fff\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46"
COUNTED = "likes|shares|comments|retweets|reposts|quotes|bookmarks|upvotes|downvotes|downloads|views|followers"
URL = r"(?i:[ \t]?(?:(?:https?|ftp)://|(?<![A-Za-z0-9_])www\.)[-a-z0-9()@:%_+.~#?&/=,;!$*']*[-a-z0-9@%_+~#&/=])"
_MARKS = "\u0300-\u036f\u3099\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
_SENTENCE_TERMINAL = ".?!。！？．｡؟।"
_SYMBOLS = ("Sc", "Sk", "Sm", "Cc", "Cf")

FRAGMENTS = [
    *(
        "a",
        "b",
        "the",
        "of",
        "that",
        "The",
        "word",
        "x" * 31,
        "1",
        "3.14",
        "é",
        "e\u0301",
        "世",
        "界",
        "か",
        "か\u3099",
    ),
    *(
        "カ",
        "กา",
        "ห้",
        "ไทย",
        "한국",
        "مرحبا",
        "؟",
        "😀",
        "👍🏽",
        "क्षि।",
        "#",
        "...",
        "…",
        "-",
        "•",
        "。",
        "！",
        "「",
        "」",
    ),
    *(".", "?", "!", '"', "'", ",", "$", "{", "[1]", "[edit]", "[citation needed]", "[12", "lorem ipsum", "JavaScript"),
    *("12.5K views", "Items in cart", "Read more...", "Sign-in", "ABC", "www.x.org/a.", "(http://x.org)", "【", "】"),
    *("Privacy Policy", "use cookies", "damn", "性", "\u200b", "w" * 1001),
    *(" ", " ", " ", "\n", "\n", "\n\n", " \n \n", "\t", "\r\n", "\u3000", "\xa0", "\u2028"),
]
PHRASES = st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join)
TEXTS = st.lists(st.builds(str.__mul__, PHRASES, st.integers(1, 4)), max_size=5).map("".join)


def split_words(text: str, word_rule: str) -> list[str]:
    tokens = text.split()
    if word_rule == "whitespace":
        return tokens
    return [word for token in tokens for word in re.findall(f"[{UNSPACED}][{_MARKS}]*|[^{UNSPACED}]+", token)]


def split_lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def split_paragraphs(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"\n(?:[^\S\n]*\n)+", text) if part.strip()]


def is_punctuation(word: str) -> bool:
    return all(
        unicodedata.category(character)[0] == "P" or unicodedata.category(character) in _SYMBOLS for character in word
    )


def count_sentences(text: str) -> int:
    sentences = [""]
    for piece in re.split(f"[\n{_SENTENCE_TERMINAL[3:]}]", text):
        for token in piece.split():
            sentences[-1] += token
            tail = itertools.takewhile(is_punctuation, reversed(token))
            if set(".?!") & set(tail):
                sentences.append("")
        sentences.append("")
    return sum(any(map(str.isalnum, sentence)) for sentence in sentences)


def share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def share_of(pieces: Sequence[str], test: Callable[[str], bool]) -> float:
    return share(sum(map(test, pieces)), len(pieces))


def find_repeats(pieces: Sequence[str], n: int = 1) -> tuple[int, int]:
    """(number, characters) of repeated runs of n pieces."""
    seen, i, count, n_chars = set(), 0, 0, 0
    while i <= len(pieces) - n:
        run = tuple(pieces[i : i + n])
        if run in seen:
            count, n_chars, i = count + 1, n_chars + sum(map(len, run)), i + n
        else:
            seen.add(run)
            i += 1
    return count, n_chars


def top_n_gram(text: str, words: list[str], n: int) -> float:
    counts = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    if not counts:
        return 0.0
    [(run, count)] = counts.most_common(1)
    return share(len(" ".join(run)) * count, len(text))


def gopher(text: str, word_rule: str) -> dict[str, float]:
    words, lines = split_words(text, word_rule), split_lines(text)
    counted = [word for word in words if not is_punctuation(word)]
    required = {"the", "be", "to", "of", "and", "that", "have", "with"}
    return {
        "word_count": len(counted),
        "mean_word_length": share(sum(map(len, counted)), len(counted)),
        "hash_ratio": share(text.count("#"), len(words)),
        "ellipsis_ratio": share(text.count("...") + text.count("…"), len(words)),
        "bullet_lines": share_of(lines, lambda line: line.startswith(("•", "-"))),
        "ellipsis_lines": share_of(lines, lambda line: line.endswith(("...", "…"))),
        "alphabetic_words": share_of(words, lambda word: any(map(str.isalpha, word))),
        "stop_words": len(required & set(words)),
    }


def repetition(text: str, word_rule: str) -> dict[str, float]:
    words, lines, paragraphs = split_words(text, word_rule), split_lines(text), split_paragraphs(text)
    return {
        "duplicate_lines": share(find_repeats(lines)[0], len(lines)),
        "duplicate_line_characters": share(find_repeats(lines)[1], len(text)),
        "duplicate_paragraphs": share(find_repeats(paragraphs)[0], len(paragraphs)),
        "duplicate_paragraph_characters": share(find_repeats(paragraphs)[1], len(text)),
        **{f"top_{n}_gram": top_n_gram(text, words, n) for n in (2, 3, 4)},
        **{f"duplicate_{n}_grams": share(find_repeats(words, n)[1], len(text)) for n in range(5, 11)},
    }


def fineweb(text: str, word_rule: str) -> dict[str, float]:
    words, lines = split_words(text, word_rule), split_lines(text)
    return {
        "terminal_punctuation_lines": share_of(lines, lambda line: line.endswith(tuple(_SENTENCE_TERMINAL))),
        "short_lines": share_of(lines, lambda line: len(line) <= 30),
        "duplicate_line_characters": share(find_repeats(lines)[1], len(text) - text.count("\n")),
        "newline_ratio": share(text.count("\n"), len(words)),
    }


def broken_rule(line: str, edits: Edits, word_rule: str) -> str | None:
    """The first rule that drops `line`."""
    words = split_words(line, word_rule)
    if edits.max_uppercase is not None and sum(map(str.isupper, line)) > edits.max_uppercase * len(line):
        return "max_uppercase"
    if edits.numbers and all(unicodedata.category(character)[0] == "N" for character in line):
        return "numbers"
    if edits.counters and re.search(rf"^\W*\d[,.\d]*[kmb]?[ \t\n\f\r]+(?:{COUNTED})\W*$", line.lower()):
        return "counters"
    policies = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
    if edits.max_word_length is not None and any(len(word) > edits.max_word_length for word in words):
        return "dropped_for_word_length"
    if edits.terminal_punctuation and (not line.endswith((".", "?", "!", '"')) or line.endswith("...")):
        return "dropped_for_punctuation"
    if edits.min_words_per_line is not None and len(words) < edits.min_words_per_line:
        return "dropped_for_few_words"
    if edits.javascript and "javascript" in line.lower():
        return "dropped_for_javascript"
    if edits.policy and any(phrase in line.lower() for phrase in policies):
        return "dropped_for_policy"
    return None


def without_phrases(line: str, word_rule: str) -> str:
    if len(split_words(line, word_rule)) > 10:
        return line
    pattern = r"[ \t\n\f\r]?items in cart|[ \t\n\f\r]?read more\.\.\.$|^sign-in[ \t\n\f\r]?"
    return re.sub(pattern, "", line, flags=re.IGNORECASE)


def judged_text(text: str, edits: Edits) -> str:
    patterns = [URL] * edits.urls + [r"\[[0-9]*\]|\[edit\]|\[citation needed\]"] * edits.citations
    return re.sub("|".join(patterns), "", text) if patterns else text


def c4(text: str, edits: Edits, word_rule: str) -> tuple[str, dict[str, float]]:
    """(what the edits leave, the signals)."""
    text = judged_text(text, edits)
    judged = [(line, broken_rule(line, edits, word_rule)) for line in split_lines(text)]
    after_few_words = [line for line, rule in judged if rule in (None, "dropped_for_javascript", "dropped_for_policy")]
    after_javascript = [line for line, rule in judged if rule in (None, "dropped_for_policy")]
    kept = [line for line, rule in judged if rule is None]
    if edits.phrases:
        kept = [line for line in (without_phrases(line, word_rule) for line in kept) if line.strip()]
    rules = ("word_length", "punctuation", "few_words", "javascript", "policy")
    return "\n".join(kept), {
        "sentences": sum(map(count_sentences, kept)),
        "long_lines": sum(len(line) >= 200 for line in kept),
        "lorem_ipsum_lines": sum("lorem ipsum" in line.lower() for line in after_few_words),
        "curly_bracket_lines": sum("{" in line for line in after_javascript),
        "bad_word_lines": sum(has_bad_word(line, edits.bad_words) for line in kept),
        **{f"dropped_for_{rule}": sum(found == f"dropped_for_{rule}" for _, found in judged) for rule in rules},
    }


def has_bad_word(line: str, bad_words: Sequence[str]) -> bool:
    padded = f" {line.lower()} "
    for word in bad_words:
        for place in (match.start() for match in re.finditer(f"(?={re.escape(word)})", padded)):
            before, after = padded[place - 1], padded[place + len(word)]
            if re.search(f"[{UNSPACED}]", word) or not (before.isalpha() or after.isalpha()):
                return True
    return False
