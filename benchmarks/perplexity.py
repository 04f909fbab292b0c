"""The family `perplexity`: python benchmarks/perplexity.py DATA, in an environment with the extra kenlm.

Documents of DATA/shards/c4-en under a unigram model of 4,000 pieces and every 5-gram of these texts, made here.
"""

import gzip
import io
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import pyarrow as pa
import sentencepiece

from udfs.edits import edit
from udfs.signals.batch import Batch, NgramFiles
from udfs.signals.perplexity import ccnet
from udfs.text import Texts

PIECES, ORDER = 4000, 5


def arpa(lines: list[list[str]]) -> str:
    """Every n-gram of the lines, each with the same probability; the speed of KenLM does not depend on it."""
    grams = [
        dict.fromkeys(tuple(line[i : i + n]) for line in lines for i in range(len(line) - n + 1))
        for n in range(1, ORDER + 1)
    ]
    grams[0] |= dict.fromkeys([("<unk>",)])
    counts = "".join(f"ngram {n}={len(found)}\n" for n, found in enumerate(grams, 1))
    tables = [
        f"\n\\{n}-grams:\n"
        + "".join("\t".join(["-2", " ".join(gram), "-0.5"][: 3 - n // ORDER]) + "\n" for gram in found)
        for n, found in enumerate(grams, 1)
    ]
    return f"\\data\\\n{counts}{''.join(tables)}\n\\end\\\n"


def main(data: Path) -> None:
    with gzip.open(data / "shards/c4-en.jsonl.gz", "rt", encoding="utf-8") as rows:
        texts = [json.loads(row)["text"] for row in rows]
    content = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=content, vocab_size=PIECES, hard_vocab_limit=False, minloglevel=2
    )
    pieces = sentencepiece.SentencePieceProcessor(model_proto=content.getvalue())
    lines = [["<s>", *found, "</s>"] for found in pieces.encode([text.lower() for text in texts], out_type=str)]
    with tempfile.TemporaryDirectory() as folder:
        model = NgramFiles(f"{folder}/en.arpa", f"{folder}/en.sp.model")
        Path(model.lm).write_text(arpa(lines), encoding="utf-8")
        Path(model.sentencepiece).write_bytes(content.getvalue())
        raw = Texts(pa.array(texts))
        batch = Batch(raw, edit(raw, None), pa.array(["en"] * len(texts)), ngrams={"en": model})
        ccnet(batch)
        start = time.process_time()
        found = ccnet(batch)
        seconds = time.process_time() - start
    n_pieces = sum(map(len, lines))
    print(f"{len(texts)} documents, {raw.n_bytes / len(texts):.0f} bytes each, {n_pieces} pieces; {median(found):.1f}")
    print(f"{len(texts) / seconds:,.0f} documents, {raw.n_bytes / seconds / 1e6:.2f} MB a CPU second")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
