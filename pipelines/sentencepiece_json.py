"""A SentencePiece model in the form of Hugging Face's tokenizer.json.

Unigrams have one form in both. With byte pairs SentencePiece merges the two neighbours whose joined piece has the best
score. The same as a list of merges: for every piece each split into two known pieces, in the order of the pieces'
scores.
"""

from typing import Any

import sentencepiece

SPACE = "\u2581"


def to_tokenizer_json(processor: sentencepiece.SentencePieceProcessor) -> dict[str, Any]:
    """The content of tokenizer.json; ids equal the model's own for any text without U+2581 and control pieces."""
    pieces = [processor.id_to_piece(i) for i in range(processor.get_piece_size())]
    control = [i for i in range(len(pieces)) if processor.is_control(i) or processor.is_unknown(i)]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added(i, pieces[i]) for i in control],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": SPACE},
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
            ],
        },
        "model": _byte_pairs(processor, pieces) if is_byte_pair(processor) else _unigrams(processor, pieces),
    }


def is_byte_pair(processor: sentencepiece.SentencePieceProcessor) -> bool:
    """Whether scores are places in the order of merges, whole numbers; those of unigrams are logarithms."""
    return all(processor.get_score(i).is_integer() for i in range(processor.get_piece_size()))


def _byte_pairs(processor: sentencepiece.SentencePieceProcessor, pieces: list[str]) -> dict[str, Any]:
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": pieces[processor.unk_id()],
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": True,
        "byte_fallback": True,
        "ignore_merges": False,
        "vocab": {piece: i for i, piece in enumerate(pieces)},
        "merges": merges(processor, pieces),
    }


def _unigrams(processor: sentencepiece.SentencePieceProcessor, pieces: list[str]) -> dict[str, Any]:
    return {
        "type": "Unigram",
        "unk_id": processor.unk_id(),
        "vocab": [[piece, processor.get_score(i)] for i, piece in enumerate(pieces)],
        "byte_fallback": True,
    }


def merges(processor: sentencepiece.SentencePieceProcessor, pieces: list[str]) -> list[list[str]]:
    """Pairs of pieces in the order in which they are to be merged."""
    ordinary = {
        piece: processor.get_score(i)
        for i, piece in enumerate(pieces)
        if not (processor.is_control(i) or processor.is_unknown(i) or processor.is_byte(i))
    }
    ordered = sorted((piece for piece in ordinary if len(piece) > 1), key=lambda piece: -ordinary[piece])
    return [
        [piece[:cut], piece[cut:]]
        for piece in ordered
        for cut in range(1, len(piece))
        if piece[:cut] in ordinary and piece[cut:] in ordinary
    ]


def _added(number: int, piece: str) -> dict[str, Any]:
    return {
        "id": number,
        "content": piece,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
