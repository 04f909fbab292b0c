"""What a vocabulary of byte-level BPE is: 256 tokens of one byte, then one token for each merge, in order.

Merges are an int32 array (n, 2): merge i makes token 256 + i of two earlier tokens, left and right. So the rank of a
merge and the id of its token are one number, and control tokens are no part of it (udfs/bpe_files.py puts them behind).

No two tokens are the same string. For every merge is applied everywhere it can be, and cuts between tokens only ever
vanish; so at each moment a string between two cuts has the tokens that it would have alone, wherever it stands, and it
becomes one token by one merge only. For the same reason it is all one whether text is encoded by the ranks of strings,
as tiktoken does, or by the list of merges, as Hugging Face does.
"""

import numpy as np
from numpy.typing import NDArray

N_BYTES = 256
PRINTED = bytes([*range(33, 127), *range(161, 173), *range(174, 256)])
BYTE_OF_TOKEN = PRINTED + bytes(sorted(set(range(256)) - set(PRINTED)))
"""The byte that each of the first 256 tokens stands for: ids go by the characters that Hugging Face's ByteLevel (as
GPT-2's `bytes_to_unicode`) writes for bytes, itself for a printed one and U+0100 and so on for the rest."""


def byte_tokens() -> NDArray[np.int32]:
    """The token of each byte; int32 (256,)."""
    tokens = np.empty(N_BYTES, np.int32)
    tokens[list(BYTE_OF_TOKEN)] = np.arange(N_BYTES)
    return tokens


def token_bytes(merges: NDArray[np.int32]) -> list[bytes]:
    """The bytes of every token, by id."""
    tokens = [bytes([byte]) for byte in BYTE_OF_TOKEN]
    for left, right in merges.tolist():
        tokens.append(tokens[left] + tokens[right])
    return tokens
