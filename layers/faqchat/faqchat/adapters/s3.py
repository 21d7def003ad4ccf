"""The published catalogue in S3: one file a version, and a pointer that is written last.

`index/<version>/catalog.jsonl.gz` holds the entries, beside it may lie their keyword indexes, and `index/current.json`
is the manifest of the version in force. A reader follows the pointer, so it sees the old catalogue or the new one. The
role needs `s3:ListBucket`: without it S3 answers 403, not 404, for what is not there.
"""

import asyncio
import gzip
import itertools
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from faqchat.adapters.aws import MISSING, AwsService, Refused
from faqchat.adapters.keyword_file import KeywordFile
from faqchat.errors import NotFound, Unavailable
from faqchat.faq import Entry
from faqchat.index import IndexSnapshot, Keywords, Manifest

POINTER = "index/current.json"
KEPT = 2  # versions before the current one, for a reader that is about to fetch one, and for a way back
YOUNG = timedelta(days=1)  # and what a run has staged that is not published yet


class S3Snapshots:
    """`Snapshots` in one bucket, with a file of keyword indexes where they are given one."""

    def __init__(self, bucket: str, keyword_file: KeywordFile | None = None) -> None:
        self._bucket = bucket
        self._keyword_file = keyword_file
        self._s3 = AwsService("s3")

    async def version(self) -> str | None:
        """The pointer's ETag, the hash of its content."""
        try:
            head = await self._s3.run(lambda s3: s3.head_object(Bucket=self._bucket, Key=POINTER), expected=MISSING)
        except Refused:
            return None
        return str(head["ETag"])

    async def load(self) -> IndexSnapshot | None:
        """The published snapshot; None where nothing, or no bucket, is there."""
        for _ in range(2):  # a catalogue that is gone was replaced: the pointer has moved on
            manifest = await self.published()
            if manifest is None:
                return None
            try:
                entries, packed = await asyncio.gather(self.staged(manifest.version), self._packed_keywords(manifest))
            except NotFound:
                continue
            if len(entries) != manifest.entries:
                raise Unavailable(f"the catalogue of version {manifest.version} is not the one that was published")
            return IndexSnapshot(manifest, entries, await self._keywords(packed, entries))
        raise Unavailable(f"the catalogue that s3://{self._bucket}/{POINTER} names is not there")

    async def published(self) -> Manifest | None:
        """The pointer."""
        try:
            return Manifest.model_validate_json(await self._read(POINTER))
        except Refused:
            return None
        except ValidationError as error:
            raise Unavailable(f"s3://{self._bucket}/{POINTER} is not a manifest") from error

    async def stage(self, version: str, entries: Mapping[str, Entry]) -> None:
        """Write the catalogue of a version, and its keyword indexes."""
        await self._write(_catalogue(version), await asyncio.to_thread(_pack, entries), "application/gzip")
        if self._keyword_file:
            packed = await asyncio.to_thread(self._keyword_file.pack, entries)
            await self._write(f"{_folder(version)}{self._keyword_file.name}", packed, "application/zip")

    async def staged(self, version: str) -> dict[str, Entry]:
        """The catalogue of a version."""
        try:
            packed = await self._read(_catalogue(version))
        except Refused as error:
            raise NotFound(f"the catalogue of version {version} is gone") from error
        return await asyncio.to_thread(_unpack, packed, version)

    async def publish(self, manifest: Manifest) -> None:
        """Write the pointer, then remove catalogues that nobody reads any more."""
        await self._s3.run(lambda s3: self._publish(s3, manifest))

    async def _packed_keywords(self, manifest: Manifest) -> bytes | None:
        """The file of keyword indexes, which nobody needs so much as to fail without it."""
        if not self._keyword_file:
            return None
        try:
            return await self._read(f"{_folder(manifest.version)}{self._keyword_file.name}")
        except (Refused, Unavailable):
            return None

    async def _keywords(self, packed: bytes | None, entries: Mapping[str, Entry]) -> Keywords | None:
        if packed is None or not self._keyword_file:
            return None
        return await asyncio.to_thread(self._keyword_file.unpack, packed, entries)

    async def _write(self, key: str, body: bytes, content_type: str) -> None:
        await self._s3.run(lambda s3: s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type))

    async def _read(self, key: str) -> bytes:
        def get(s3: Any) -> bytes:
            body: bytes = s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            return body

        return await self._s3.run(get, expected=MISSING)

    def _publish(self, s3: Any, manifest: Manifest) -> None:
        s3.put_object(
            Bucket=self._bucket,
            Key=POINTER,
            Body=manifest.model_dump_json(indent=2).encode(),
            ContentType="application/json",
        )
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix="index/")
        found = [each for page in pages for each in page.get("Contents", []) if each["Key"] != POINTER]
        found.sort(key=lambda each: each["Key"])
        versions = [list(files) for _, files in itertools.groupby(found, lambda each: each["Key"].rpartition("/")[0])]
        others = [files for files in versions if not files[0]["Key"].startswith(_folder(manifest.version))]
        others.sort(key=_last_modified, reverse=True)
        young = datetime.now(UTC) - YOUNG
        for files in others[KEPT:]:
            if _last_modified(files)[0] < young:
                for each in files:
                    s3.delete_object(Bucket=self._bucket, Key=each["Key"])


def _last_modified(files: list[dict[str, Any]]) -> tuple[datetime, str]:
    """When a version was written, and its name, for those of one second."""
    return max((each["LastModified"], each["Key"]) for each in files)


def _folder(version: str) -> str:
    return f"index/{version}/"


def _catalogue(version: str) -> str:
    return f"{_folder(version)}catalog.jsonl.gz"


def _pack(entries: Mapping[str, Entry]) -> bytes:
    lines = "".join(f"{entry.model_dump_json()}\n" for entry in entries.values())
    return gzip.compress(lines.encode(), mtime=0)  # equal entries make equal bytes


def _unpack(packed: bytes, version: str) -> dict[str, Entry]:
    try:
        entries = [Entry.model_validate_json(line) for line in gzip.decompress(packed).splitlines()]
    except (EOFError, OSError, zlib.error, ValidationError) as error:
        raise Unavailable(f"the catalogue of version {version} is damaged") from error
    return {entry.faq_id: entry for entry in entries}
