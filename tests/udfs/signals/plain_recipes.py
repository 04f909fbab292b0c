"""The signals of DCLM, RedPajama-v2, CCNet, ChineseWebText, MAP-NEO, HPLT, FineWeb-2 and of scripts in plain Python."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from plain_signals import (
    UNSPACED,
    count_sentences,
    is_punctuation,
    share,
    share_of,
    split_lines,
    split_paragraphs,
    split_words,
)

CCNET_PUNCTUATION = "，。、„”“«»１」「《》´∶：？！（）；–—．～’…━〈〉【】％►"
LATIN = ("LATIN", "FEMININE ORDINAL", "MASCULINE ORDINAL", "MICRO SIGN")
SCRIPTS = {
    **{name: (name.upper(),) for name in ("cyrillic", "greek", "arabic", "hebrew", "devanagari", "thai", "hangul")},
    "latin": LATIN,
    "kana": ("HIRAGANA", "KATAKANA"),
    "han": ("CJK UNIFIED", "IDEOGRAPHIC"),
}


def runs_of(pieces: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(pieces[i : i + n]) for i in range(len(pieces) - n + 1)]


def covered(pieces: Sequence[str], n: int = 1) -> list[str]:
    """The pieces that lie in a run of n pieces that is there twice or more."""
    counts = Counter(runs_of(pieces, n))
    places = {j for i, run in enumerate(runs_of(pieces, n)) if counts[run] > 1 for j in range(i, i + n)}
    return [pieces[place] for place in sorted(places)]


def characters(pieces: Sequence[str]) -> int:
    return sum(map(len, pieces))


def top_run(pieces: Sequence[str], n: int, longest: bool) -> tuple[int, int]:
    """(occurrences, characters) of the most frequent run: the longest of equals, or the first."""
    counts = Counter(runs_of(pieces, n))
    if not counts:
        return 0, 0
    top = max(counts.values())
    sizes = [characters(run) for run, count in counts.items() if count == top]
    return top, max(sizes) if longest else sizes[0]


def repeated_n_grams(words: Sequence[str], longest: bool) -> dict[str, float]:
    found = {}
    for n in (2, 3, 4):
        count, size = top_run(words, n, longest)
        found[f"top_{n}_gram"] = share(count * size, characters(words)) if count > 1 else 0.0
    for n in range(5, 11):
        found[f"duplicate_{n}_grams"] = share(characters(covered(words, n)), characters(words))
    return found


def coverage(text: str, word_rule: str) -> dict[str, float]:
    words = [word for word in split_words(text, word_rule) if not is_punctuation(word)]
    lines, paragraphs = split_lines(text), split_paragraphs(text)
    return {
        "duplicate_lines": share(len(covered(lines)), len(lines)),
        "duplicate_line_characters": share(characters(covered(lines)), characters(lines)),
        "duplicate_paragraphs": share(len(covered(paragraphs)), len(paragraphs)),
        "duplicate_paragraph_characters": share(characters(covered(paragraphs)), characters(paragraphs)),
        **repeated_n_grams(words, longest=True),
    }


def dclm(judged: str, left: str, word_rule: str) -> dict[str, float]:
    words, lines = split_words(judged, word_rule), split_lines(judged)
    required = ("the", "be", "to", "of", "and", "that", "have", "with")
    before, after = (
        len([word for word in split_words(text, word_rule) if not is_punctuation(word)]) for text in (judged, left)
    )
    return {
        "mean_word_length": share(characters(words), len(words)),
        "symbol_ratio": share(sum(map(judged.count, ("#", "...", ". . .", "…"))), len(words)),
        "bullet_lines": share_of(lines, lambda line: line[0] in "●•*-"),
        "ellipsis_lines": share_of(lines, lambda line: line.endswith(("...", ". . .", "…"))),
        "stop_words": sum(word.lower() in required for word in words),
        "removed_words": share(before - after, before),
    }


def entropy(pieces: Sequence[str]) -> float:
    shares = [count / len(pieces) for count in Counter(pieces).values()]
    return -sum(one * math.log(one) for one in shares)


def redpajama2(text: str, word_rule: str, bad_words: Sequence[str], stop_words: Sequence[str]) -> dict[str, float]:
    bare = re.sub(r"[!-/:-@\[-`{-~]", "", text).lower()
    normal = unicodedata.normalize("NFD", bare)
    raw, words = split_words(text, word_rule), normal.split()
    lines, normal_lines = split_lines(text), split_lines(normal)
    return {
        "sentences": sum(bool(re.search(r"\w", run)) for run in re.split("[.!?]", text)),
        "word_count": len(words),
        "mean_word_length": share(characters(words), len(words)),
        "symbol_ratio": share(sum(map(text.count, ("#", "...", "…"))), len(raw)),
        "ellipsis_lines": share_of(lines, lambda line: line.endswith(("...", "…"))),
        "no_alphabetic_words": share_of(raw, lambda word: not re.search("[a-zA-Z]", word)),
        "unique_words": share(len(set(words)), len(words)),
        "unigram_entropy": entropy(words),
        "all_caps_words": share_of(raw, str.isupper),
        "stop_words": share_of(words, lambda word: word in stop_words),
        **repeated_n_grams(words, longest=False),
        "terminal_punctuation_lines": share_of(lines, lambda line: line[-1] in ".!?”"),
        "bullet_lines": share_of(lines, lambda line: line[0] in "•‣▶◀◦■□▪▫–"),
        "words_per_line": share(len(words), len(normal_lines)),
        "javascript_words": words.count("javascript"),
        "uppercase_characters": share(sum(map(str.isupper, "".join(lines))), characters(lines)),
        "numerical_characters": share(sum(map(is_number, "".join(normal_lines))), characters(normal_lines)),
        "lorem_ipsum": share(len(re.findall(r"lorem\s+ipsum", normal, re.ASCII)), len(normal)),
        "curly_brackets": share(text.count("{") + text.count("}"), len(text)),
        "bad_words": sum(len(re.findall(rf"\b{re.escape(word)}\b", normal, re.ASCII)) for word in bad_words),
    }


def is_number(character: str) -> bool:
    return unicodedata.category(character)[0] == "N"


def ccnet(text: str) -> dict[str, float]:
    dropped = set(CCNET_PUNCTUATION) | set(map(chr, [*range(32), *range(127, 160)]))
    lines = ["".join(c for c in re.sub(r"\d", "0", line.lower()) if c not in dropped) for line in split_lines(text)]
    return {"characters": len(text), "duplicate_lines": share(len(lines) - len(set(lines)), len(lines))}


def hplt(text: str, word_rule: str) -> dict[str, float]:
    lines = split_lines(text)
    return {
        "characters": len(text),
        "words_per_line": share(len(split_words(text, word_rule)), len(lines)),
        "characters_per_line": share(characters(lines), len(lines)),
    }


def fineweb2(left: str, word_rule: str, stop_words: Sequence[str]) -> dict[str, float]:
    words = split_words(left, word_rule)
    found = [word in (left if re.search(f"[{UNSPACED}가-힣]", word) else words) for word in stop_words]
    return {"stop_words": sum(found)}


def chinesewebtext(text: str, bad_words: Sequence[str], traditional: str) -> dict[str, float]:
    n_lines = text.count("\n") + 1
    small = "".join(text.lower().split())
    runs = [small[i : i + 13] for i in range(len(small) - 13)]
    return {
        "characters": len(text),
        "characters_per_line": len(text) / n_lines,
        "han_characters": share(len(re.findall("[\u4e00-\u9fa5]", text)), len(text)),
        "traditional_characters": sum(character in traditional for character in text),
        "bad_words_per_line": sum(word in text for word in bad_words) / n_lines,
        "duplicate_13_grams": share(sum(count for count in Counter(runs).values() if count > 1), len(runs)),
    }


def map_neo(text: str, word_rule: str) -> dict[str, float]:
    whole = unicodedata.normalize("NFKC", text)
    found, lines = "".join(whole.split()), split_lines(whole)
    words = split_words(re.sub(r"[^\w\s]", "", whole), word_rule)
    brackets = re.findall("【[^】]*】", text)
    tops = {n: top_run(found, n, longest=False) for n in (2, 3, 4)}
    return {
        "characters": len(found),
        "sentences": count_sentences(whole),
        "mean_word_length": share(characters(words), len(words)),
        "bracket_characters": share(characters(brackets), len(text)),
        "hash_ratio": share(len(re.findall("#+", whole)), len(found)),
        "ellipsis_ratio": share(len(re.findall(r"\.{3,}|。{3,}", whole)), len(found)),
        "digits": share(sum(map(is_number, found)), sum(not is_punctuation(c) for c in found)),
        "read_more_lines": share_of(lines, lambda line: line.endswith(("readmore", "展开", "更多", "。。。", "..."))),
        "bullet_lines": share_of(lines, lambda line: line[0] in "•●-*·"),
        "punctuation": sum(map(is_punctuation, found)),
        "distinct_characters": share(len(set(found)), len(found)),
        "character_entropy": entropy(found),
        **{f"top_{n}_gram": share((count - 1) * size if count else 0, len(found)) for n, (count, size) in tops.items()},
        **{f"duplicate_{n}_grams": share(len(set(covered(found, n))), len(found)) for n in range(5, 11)},
    }


def script(text: str) -> dict[str, float]:
    letters = [unicodedata.name(character, "") for character in text if character.isalpha()]
    return {name: share_of(letters, partial(is_of, prefixes)) for name, prefixes in SCRIPTS.items()}


def is_of(prefixes: tuple[str, ...], name: str) -> bool:
    return name.startswith(prefixes)


def families(
    text: str, judged: str, left: str, word_rule: str, bad_words: Sequence[str], stop_words: Sequence[str],
    traditional: str,
) -> dict[str, Mapping[str, float]]:  # fmt: skip
    return {
        "fineweb2": fineweb2(left, word_rule, stop_words),
        "coverage": coverage(judged, word_rule),
        "dclm": dclm(judged, left, word_rule),
        "redpajama2": redpajama2(text, word_rule, bad_words, stop_words),
        "ccnet": ccnet(text),
        "chinesewebtext": chinesewebtext(text, bad_words, traditional),
        "map_neo": map_neo(text, word_rule),
        "hplt": hplt(text, word_rule),
        "script": script(text),
    }
