"""The record of what models have written: a file of JSON lines that is only ever appended to."""

import contextlib
import os
from pathlib import Path

from pydantic import ValidationError

from faqchat.errors import BadSource
from faqchat.expand import Written


class WrittenFile:
    """A record on disk. What a killed run left of a line is passed over: its entry is asked again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[Written]:
        """Everything recorded so far, oldest first."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise BadSource(f"{self._path}: {error.strerror or type(error).__name__}") from error
        record = []
        for line in lines:
            with contextlib.suppress(ValidationError):
                record.append(Written.model_validate_json(line))
        return record

    def append(self, written: Written) -> None:
        """Record one more; on disk when this returns."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab", buffering=0) as file:
            # one write, begun by the line break: what a killed run left unfinished spoils no line but its own
            file.write(b"\n" + written.model_dump_json().encode())
            os.fsync(file.fileno())
