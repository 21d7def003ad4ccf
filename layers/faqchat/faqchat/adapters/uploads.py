"""FAQ files in the bucket: `faq/…` as sellers' support puts them, and beside them `utterances/utterances.jsonl`."""

from typing import Any

from faqchat.adapters.aws import MISSING, AwsService, Refused
from faqchat.adapters.faq_files import MAX_FILE_BYTES, parse_faq, parse_utterances
from faqchat.errors import BadSource, NotFound
from faqchat.faq import RawEntry

UTTERANCES = "utterances/utterances.jsonl"


class S3Uploads:
    """`Uploads` in one bucket."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._s3 = AwsService("s3")

    async def read(self, key: str) -> tuple[list[RawEntry], dict[str, tuple[str, ...]]]:
        """A file's entries, and the utterances that lie beside it; none where there is no such file."""
        entries = parse_faq(key.rpartition("/")[2], await self._content(key))
        try:
            return entries, parse_utterances(UTTERANCES, await self._content(UTTERANCES))
        except NotFound:
            return entries, {}

    async def _content(self, key: str) -> bytes:
        def get(s3: Any) -> bytes:
            found = s3.get_object(Bucket=self._bucket, Key=key)
            if found["ContentLength"] > MAX_FILE_BYTES:
                raise BadSource(f"{key}: the file is larger than {MAX_FILE_BYTES // 1024**2} MB")
            body: bytes = found["Body"].read()
            return body

        try:
            return await self._s3.run(get, expected=MISSING)
        except Refused as error:
            raise NotFound(f"there is no {key} in the bucket {self._bucket}") from error
