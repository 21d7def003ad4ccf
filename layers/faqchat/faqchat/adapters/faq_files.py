"""FAQ files as raw entries: `.pkl`, `.jsonl` and `.csv`, and the companion file of utterances.

A file is refused as a whole, with `BadSource`, where it cannot be read or is not a FAQ; what is wrong with a single
entry (an empty question, an over-long answer, a question that occurs twice) is for ingest to judge.
"""

import io
import pickle
import pickletools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from faqchat.errors import BadSource
from faqchat.faq import RawEntry

MAX_FILE_BYTES = 128 * 1024 * 1024  # 50,000 entries of the usual length take 63 MB
MAX_OPCODES = 4_000_000  # 2,717 entries take 11,000; a file of nothing but opcodes would take minutes

# What a dict of strings is made of, and nothing that could name a class or call one.
PICKLE_OPCODES = frozenset(
    {
        "BINGET",
        "BINUNICODE",
        "BINUNICODE8",
        "EMPTY_DICT",
        "FRAME",
        "LONG_BINGET",
        "MARK",
        "MEMOIZE",
        "PROTO",
        "SETITEM",
        "SETITEMS",
        "SHORT_BINUNICODE",
        "STOP",
    }
)
# All that the unpickler raises for a malformed stream of these opcodes.
_MALFORMED = (
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OverflowError,
    TypeError,
    ValueError,
)

_SEPARATOR = "|"  # between the tags, links or utterances of a CSV cell


class _EntryLine(BaseModel):
    model_config = ConfigDict(strict=True)

    question: str
    answer: str
    tags: list[str] = []
    related: list[str] = []
    utterances: list[str] = []


class _UtterancesLine(BaseModel):
    model_config = ConfigDict(strict=True)

    faq_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]
    utterances: list[str]


_Line = TypeVar("_Line", bound=BaseModel)


def read_faq_file(path: Path) -> list[RawEntry]:
    """The entries of a FAQ file, in its order."""
    return parse_faq(path.name, _content(path))


def read_utterances(path: Path) -> dict[str, tuple[str, ...]]:
    """Other ways of asking, by FAQ id; lines of the same id add up."""
    return parse_utterances(path.name, _content(path))


def parse_faq(name: str, content: bytes) -> list[RawEntry]:
    """The entries of a FAQ file's content; the name tells its format."""
    readers = {".pkl": _read_pickle, ".jsonl": _read_jsonl, ".csv": _read_csv}
    reader = readers.get(Path(name).suffix.lower())
    if reader is None:
        raise BadSource(f"{name}: a FAQ file ends in .pkl, .jsonl or .csv")
    entries = reader(name, content)
    if not entries:
        raise BadSource(f"{name}: there is no entry in this file")
    return entries


def parse_utterances(name: str, content: bytes) -> dict[str, tuple[str, ...]]:
    """Other ways of asking, by FAQ id."""
    utterances: dict[str, tuple[str, ...]] = {}
    for line in _lines(name, content, _UtterancesLine):
        utterances[line.faq_id] = (*utterances.get(line.faq_id, ()), *line.utterances)
    return utterances


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadSource(f"{path}: {error.strerror or type(error).__name__}") from error
    except ValueError as error:  # a NUL in the name
        raise BadSource(f"{path}: {error}") from error
    if len(content) > MAX_FILE_BYTES:
        raise BadSource(f"{path.name}: the file is larger than {MAX_FILE_BYTES // 1024**2} MB")
    return content


class _DataOnly(pickle.Unpickler):
    """Knows no class: the second lock, should an opcode ever slip through the first."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"the pickle asks for {module}.{name}")


def _read_pickle(name: str, content: bytes) -> list[RawEntry]:
    _check_opcodes(name, content)
    try:
        found = _DataOnly(io.BytesIO(content)).load()
    except _MALFORMED as error:
        raise BadSource(f"{name}: the pickle is damaged ({error})") from error
    if not isinstance(found, dict):
        raise BadSource(f"{name}: the pickle holds a {type(found).__name__}, not a dict of questions and answers")
    for position, pair in enumerate(found.items()):
        if not all(isinstance(text, str) for text in pair):
            raise BadSource(f"{name}: entry {position} is not a pair of strings")
    return [RawEntry(question, answer) for question, answer in found.items()]


def _check_opcodes(name: str, content: bytes) -> None:
    try:
        for count, (opcode, _, position) in enumerate(pickletools.genops(content)):
            if opcode.name not in PICKLE_OPCODES:
                raise BadSource(
                    f"{name}: {opcode.name} at byte {position} is not allowed: "
                    "a FAQ pickle is a dict of strings, of protocol 4 or newer, and nothing else"
                )
            if count >= MAX_OPCODES:
                raise BadSource(f"{name}: the pickle has more than {MAX_OPCODES:,} opcodes")
    except ValueError as error:
        raise BadSource(f"{name}: this is not a whole pickle ({error})") from error


def _read_jsonl(name: str, content: bytes) -> list[RawEntry]:
    return [
        RawEntry(line.question, line.answer, tuple(line.tags), tuple(line.related), tuple(line.utterances))
        for line in _lines(name, content, _EntryLine)
    ]


def _lines(name: str, content: bytes, shape: type[_Line]) -> Iterator[_Line]:
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield shape.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise BadSource(f"{name}, line {number}: {where + ': ' if where else ''}{first['msg']}") from error


def _read_csv(name: str, content: bytes) -> list[RawEntry]:
    import pandas as pd  # noqa: PLC0415 # a second to import, for this format only

    try:
        # every cell is text: "NA" is an answer, not a missing value
        table = pd.read_csv(io.StringIO(_decoded(name, content)), dtype=str, na_filter=False)
    except ValueError as error:  # all that the parser raises is one
        raise BadSource(f"{name}: {str(error).strip()}") from error
    if not isinstance(table.index, pd.RangeIndex):
        raise BadSource(f"{name}: the rows have more fields than the header")
    table.columns = table.columns.str.strip()
    for column in ("question", "answer"):
        if list(table.columns).count(column) != 1:
            raise BadSource(f"{name}: the column {column!r} must be there once")
    return [_csv_entry(row) for row in table.to_dict("records")]


def _decoded(name: str, content: bytes) -> str:
    for encoding in ("utf-8-sig", "cp949"):  # the second is what Korean Excel saves
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadSource(f"{name}: the text is neither UTF-8 nor CP949")


def _csv_entry(row: dict[Any, str]) -> RawEntry:
    tags, related, utterances = (
        tuple(part.strip() for part in row.get(column, "").split(_SEPARATOR) if part.strip())
        for column in ("tags", "related", "utterances")
    )
    return RawEntry(row["question"], row["answer"], tags, related, utterances)
