"""The keyword indexes of a catalogue as one file: chat reads in a tenth of a second what takes 1.5 s to build.

The file holds numpy arrays (`.npz`), each with its checksum, and no pickle, which could run code. It is a cache:
whoever finds it missing, damaged or of another format builds the indexes from the entries.
"""

import hashlib
import io
import tokenize
import zipfile
import zlib
from collections.abc import Mapping

import bm25s
import numpy as np
from numpy.lib.npyio import NpzFile

from faqchat import tokens
from faqchat.adapters.bm25 import ARRAYS, K1, B, Bm25Index, Tokenizer
from faqchat.catalogue import TITLE_WEIGHT, index_keywords
from faqchat.faq import Entry
from faqchat.index import Keywords

LAYOUT = 1  # of the file

# What an index holds follows from these and the entries; a file that was made by others has another name.
MADE_BY = (LAYOUT, bm25s.__version__, K1, B, TITLE_WEIGHT, tokens.VERSION)
FORMAT = hashlib.sha256(repr(MADE_BY).encode()).hexdigest()[:8]

# What reading a damaged archive of arrays raises: numpy reads an array's header as Python text before its checksum.
DAMAGED = (
    EOFError,
    KeyError,
    OSError,
    RuntimeError,
    ValueError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


class KeywordFile:
    """Packs the keyword indexes of entries, and unpacks them."""

    name = f"keywords-{FORMAT}.npz"

    def __init__(self, tokenize: Tokenizer, expand: Tokenizer) -> None:
        self._tokenize = tokenize
        self._expand = expand

    def pack(self, entries: Mapping[str, Entry]) -> bytes:
        """Index the entries and give the file."""
        indexes = index_keywords(entries, lambda documents: Bm25Index(documents, self._tokenize, self._expand))
        arrays = {name: index.arrays for name, index in indexes._asdict().items()}
        file = io.BytesIO()
        np.savez(file, **{f"{name}.{array}": arrays[name][array] for name in arrays for array in ARRAYS})
        return file.getvalue()

    def unpack(self, packed: bytes, entries: Mapping[str, Entry]) -> Keywords | None:
        """The indexes of the entries; None where the file is damaged, or of other entries."""
        try:
            with NpzFile(io.BytesIO(packed), allow_pickle=False) as file:
                whole, asked = (
                    Bm25Index.restored(
                        {array: file[f"{name}.{array}"] for array in ARRAYS}, self._tokenize, self._expand
                    )
                    for name in Keywords._fields
                )
        except DAMAGED:
            return None
        return Keywords(whole, asked) if whole.ids == asked.ids == list(entries) else None
