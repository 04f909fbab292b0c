"""A corpus of some seventy short documents in every input format, each one there for a reason that a test names.

Texts are put together from phrases by number, so that two of them have next to no five words in common unless a test
wants them to.
"""

import gzip
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from udfs.hashing import document_id

QUICK_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Compile little: half the work for a JVM that lives for a minute."""
PART_BYTES = 5000
"""Stored bytes of input for one part of a table, so that a corpus of 20 KB has several."""
WHO = (
    "the miller|a young fisherman|the night watchman|my grandmother|every baker in town|the ferry captain|a travelling"
    " clockmaker|the village doctor|two quiet sisters|the new schoolteacher|an old carpenter|the postman"
)
DID = (
    "carried|painted|had forgotten|was looking for|repaired|borrowed|counted|wrote about|sold|wanted to see|finally"
    " found|once described"
)
WHAT = (
    "heavy sacks of barley|the broken lighthouse lamp|nine blue chairs|a letter from the north|the church bell|the map"
    " of the valley|seven jars of honey|an unusual brass compass|the garden wall|a box of seeds|the last winter coat|a"
    " boat without oars"
)
WHEN = (
    "before the storm came|on a cold morning in March|because nobody else would|while the children were asleep|with"
    " great care and little money|after the harvest was over|in spite of the rain|as the river began to rise|for the"
    " first time in years|when the market had closed|without saying a word|under the light of a full moon"
)
CHINESE_PHRASES = (
    "老磨坊主|年轻的渔夫|村里的医生|邮递员先生|新来的教师|我的祖母",
    "在清晨|下雨以后|收获结束时|市场关门前|满月之夜|河水上涨的时候",
    "修好了|寻找着|忘记了|卖掉了|描述过|终于看见",
    "坏掉的灯塔|九把蓝色椅子|一封北方来信|七罐蜂蜜|山谷的地图|没有桨的小船",
)


def english(number: int, n_sentences: int = 6) -> str:
    """An English text of two sentences a line; texts of two numbers have few phrases in the same place."""
    sentences = []
    for i in range(n_sentences):
        sentence = " ".join(phrases((WHO, DID, WHAT, WHEN), pow(5, 97 * number + 13 * i + 1, 1_000_003)))
        sentences.append(f"{sentence[0].upper()}{sentence[1:]}.")
    return "\n".join(" ".join(sentences[i : i + 2]) for i in range(0, n_sentences, 2))


def chinese(number: int, n_sentences: int = 12) -> str:
    """A Chinese text of four sentences a line, each line with one word that a model can learn."""
    draws = [pow(7, 89 * number + 17 * i + 1, 1_000_003) for i in range(n_sentences)]
    sentences = ["".join(phrases(CHINESE_PHRASES, draw)) + "。" for draw in draws]
    return "\n".join("今天 " + "".join(sentences[i : i + 4]) for i in range(0, n_sentences, 4))


def phrases(choices: tuple[str, ...], draw: int) -> list[str]:
    """One phrase of each of `choices`, by the digits of `draw`."""
    chosen = []
    for choice in choices:
        draw, place = divmod(draw, len(choice.split("|")))
        chosen.append(choice.split("|")[place])
    return chosen


def html(text: str, title: str = "A page") -> bytes:
    paragraphs = "".join(f"<p>{line}</p>" for line in text.split("\n"))
    return f"<html><head><title>{title}</title></head><body><article>{paragraphs}</article></body></html>".encode()


def response(name: str, body: bytes, status: str = "200 OK", media_type: str = "text/html; charset=utf-8") -> bytes:
    """A WARC response record; its URL and its date follow from the name."""
    http = f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\n\r\n".encode() + body
    url = name if name.startswith("http") else f"https://{name}.example.org/page"
    return warc_record("response", http, f"WARC-Target-URI: {url}\r\n")


def warc_record(kind: str, block: bytes, fields: str = "") -> bytes:
    header = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Date: 2024-03-01T00:00:00Z\r\n{fields}"
    return f"{header}Content-Length: {len(block)}\r\n\r\n".encode() + block + b"\r\n\r\n"


QUESTION = "Which of the two sisters kept the brass compass that their uncle had brought home from the northern sea?"
SHORT_QUESTION = "How many oars does the green boat of Anna have?"
GERMAN = "Der alte Müller trug die schweren Säcke vor dem Sturm zum Fluss.\nDanach ging er langsam nach Hause zurück."
ADDRESSES = "You can write to miller@old-mill.example.org or open 8.8.8.8 but not 10.0.0.1 at any time of day."
REPEATED = "Printed for the friends of the old mill and given away at every door."
"""A line of two documents, which `refine` leaves in one of them."""

# Of two documents that are alike, the one with more good words has the better score, so it is the one that is kept.
CRAWL = {
    **{f"page-{i}": response(f"page-{i}", html(english(i, 12 if i == 2 else 6))) for i in range(6)},
    "gone": response("gone", html(english(90)), status="404 Not Found"),
    "picture": response("picture", b"\x89PNG", media_type="image/png"),
    "blank": response("blank", b"<html><body></body></html>"),
    "tracked": response("https://page-0.example.org/page?utm_source=x", html(english(91, 10))),
    "mirror": response("mirror", html(english(1))),
    "reworded": response("reworded", html(english(2, 11))),
    "german": response("german", html(f"{GERMAN}\n{GERMAN.replace('Müller', 'Bäcker')}")),
    "code": response("code", html(english(92) + "\nThe function starts with { and that is all there is.")),
    "brief": response("brief", html("The miller slept all day long.")),
    "advert": response("advert", html("\n".join(f"Cheap pills, click here now to win offer {i}." for i in range(8)))),
    "edited": response("edited", html(f"{english(93)}\n{ADDRESSES}\nPlease enable JavaScript to read this page now.")),
}
CHINESE = {
    **{f"han-{i}": response(f"han-{i}", html(chinese(i))) for i in range(4)},
    "han-reworded": response("han-reworded", html(chinese(3).replace("\n今天 ", "\n"))),
    "han-cut": response("han-cut", html(chinese(4))),
}
C4 = {
    **{f"c4-{i}": {"text": english(20 + i), "url": f"http://c4-{i}.example.com/"} for i in range(12)},
    "c4-mirror": {"text": english(3), "url": "http://elsewhere.example.com/"},
    "c4-reworded": {"text": english(2, 12).partition(". ")[2], "url": "http://again.example.com/"},
    "c4-odd": {"text": english(40) + "\n\u2581 and \ud800 and \0 are three odd characters in a line.", "url": ""},
    "not-json": '{"text": "cut of',
    "no-text": {"content_type": "text", "url": "http://notext.example.com/"},
}
PILE = {
    **{f"pile-{i}": ("Wikipedia (en)" if i % 2 else "PubMed Abstracts", english(50 + i)) for i in range(10)},
    **{f"pile-{i}": ("PubMed Abstracts", f"{english(50 + i)}\n{REPEATED}") for i in (6, 8)},
    "exam": ("Wikipedia (en)", f"{english(70)}\n{QUESTION.upper()}"),
    "short-exam": ("Wikipedia (en)", f"{english(71)}\nIt says: {SHORT_QUESTION}"),
}
REFERENCE = {f"reference-{i}": english(75 + i, 5 + i) for i in range(8)}


def write_corpus(folder: Path) -> dict[str, str]:
    """Write the corpus; (name of a record above -> its document id) comes back."""
    info, request = warc_record("warcinfo", b"software: a test\r\n"), warc_record("request", b"GET / HTTP/1.1\r\n\r\n")
    contents = {
        "crawl/CC-MAIN-2024-10/a.warc.gz": gzip_members([info, request, *CRAWL.values()]),
        "crawl/CC-MAIN-2024-10/b.warc.gz": gzip_members(CHINESE.values())[:-50],
        "c4/c4-train.00000-of-00001.json.gz": gzip.compress(json_lines(C4.values()), mtime=0),
        "pile/00.jsonl.zst": zstandard.compress(json_lines(pile_row(*row) for row in PILE.values())),
        "reference/books.parquet": parquet(REFERENCE),
        "evals/exam.jsonl": json_lines([{"id": "q1", "question": QUESTION}, {"id": "q2", "question": SHORT_QUESTION}]),
        "good.jsonl": json_lines({"text": make(100 + i)} for make in (english, chinese) for i in range(30)),
        "bad.jsonl": json_lines({"text": f"Cheap pills {i}, click here now to win offer {i * 7}."} for i in range(40)),
    }
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    places = {
        **{name: ("crawl", "CC-MAIN-2024-10/a.warc.gz", 2 + i) for i, name in enumerate(CRAWL)},
        **{name: ("crawl", "CC-MAIN-2024-10/b.warc.gz", i) for i, name in enumerate(CHINESE)},
        **{name: ("c4", "c4-train.00000-of-00001.json.gz", i) for i, name in enumerate(C4)},
        **{name: ("pile", "00.jsonl.zst", i) for i, name in enumerate(PILE)},
        **{name: ("reference", "books.parquet", i) for i, name in enumerate(REFERENCE)},
    }
    return {name: document_id(*place) for name, place in places.items()}


def gzip_members(records: Iterable[bytes]) -> bytes:
    return b"".join(gzip.compress(record, mtime=0) for record in records)


def json_lines(rows: Iterable[object]) -> bytes:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode()


def pile_row(pile_set: str, text: str) -> dict[str, object]:
    return {"text": text, "meta": {"pile_set_name": pile_set}}


def parquet(texts: dict[str, str]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": list(texts), "text": list(texts.values())}), sink)
    return sink.getvalue()


FATES = {
    "quarantine": {"not-json": "not_json", "no-text": "no_text_field", "han-cut": "truncated"},
    "ledger/ingest": {"gone": "status", "picture": "media_type", "blank": "no_text"},
    "ledger/filter": {
        "german": "language",
        "code": "c4.curly_bracket_lines",
        "brief": "c4.sentences",
        "advert": "quality",
    },
    "ledger/dedup": {
        "page-0": "url",
        "page-3": "exact",
        "mirror": "exact",
        "reworded": "near",
        "c4-reworded": "near",
        "han-reworded": "near",
    },
    "ledger/decontaminate": {"exam": "evaluation_overlap", "short-exam": "evaluation_overlap"},
}
"""What becomes of the records above that are not kept: table -> name -> reason."""


def settings_for(corpus: Path, output: Path) -> dict[str, object]:
    """Settings of a run over the corpus that has every stage find something to do."""
    return {
        "output": str(output),
        "inputs": [
            {"paths": [f"{corpus}/crawl/*/*.warc.gz"], "source": "crawl"},
            *[f"{corpus}/{source}" for source in ("c4", "pile", "reference")],
        ],
        "recipe": "c4",
        "measure": {"edits": {"terminal_punctuation": False}},
        "filter": {"languages": {"zh": 0.5}, "bounds": {"gopher": {"word_count": {"min": 20}}}},
        "quality": {
            "min_score": 0.5,
            "training": {
                "good": [f"{corpus}/good.jsonl"],
                "bad": [f"{corpus}/bad.jsonl"],
                "features": 1024,
                "max_iterations": 10,
            },
        },
        "dedup": {"threshold": 0.7, "bands": 6, "rows": 4},
        "decontaminate": {"sets": [f"{corpus}/evals/exam.jsonl"]},
        "refine": {"passages": [{"unit": "line", "min_words": 4}]},
        "tokenizer": {"kind": "sentencepiece", "vocab_size": 400},
        "pack": {"val_share": 0.2},
        "seed": 7,
        "spark": {"spark.sql.shuffle.partitions": 2},
    }


class Finished(NamedTuple):
    """A command that has ended: its exit code and what it printed."""

    code: int
    out: str
    err: str


Command = Callable[..., Finished]


@dataclass(frozen=True)
class TinyRun:
    """A finished run over the corpus; its tables are read here without the help of the run's own records."""

    corpus: Path
    root: Path
    settings: Path
    ids: dict[str, str]

    def parts(self, table: str) -> list[Path]:
        return sorted((self.root / table).glob("part-*.parquet"))

    def rows(self, table: str) -> list[dict[str, Any]]:
        return [row for part in self.parts(table) for row in pq.ParquetFile(part).read().to_pylist()]

    def by_name(self, table: str) -> dict[str, dict[str, Any]]:
        """The rows of a table by the names that their records have above."""
        names = {identity: name for name, identity in self.ids.items()}
        return {names[row["id"]]: row for row in self.rows(table)}

    def record(self, stage: str) -> dict[str, Any]:
        return json.loads((self.root / "runs" / f"{stage}.json").read_text())

    def digests(self) -> dict[str, str]:
        """table -> digest, as the run's records have them."""
        records = [json.loads(path.read_text()) for path in sorted((self.root / "runs").glob("*.json"))]
        return {name: table["digest"] for record in records for name, table in record["committed"]["tables"].items()}
