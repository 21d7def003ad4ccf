"""What the tables of conversations and turns share: deleting many items, and trying again more and more slowly."""

import random
import time
from collections.abc import Sequence
from typing import Any

from faqchat.errors import Busy

BATCH = 25  # what BatchWriteItem takes
TRIES = 6  # eight racing appends to one conversation need four
FIRST_PAUSE_S = 0.05


def delete_items(client: Any, table: str, keys: Sequence[dict[str, dict[str, Any]]]) -> None:
    """Delete the items with these keys. Raises `Busy` where the table leaves some of them."""
    for start in range(0, len(keys), BATCH):
        left = {table: [{"DeleteRequest": {"Key": key}} for key in keys[start : start + BATCH]]}
        for attempt in range(TRIES):
            pause(attempt)
            left = client.batch_write_item(RequestItems=left).get("UnprocessedItems")
            if not left:
                break
        else:
            raise Busy("dynamodb left items undeleted")


def pause(attempt: int) -> None:
    """Nothing before the first attempt, then longer and longer: 1.5 s in all at most."""
    if attempt:
        time.sleep(FIRST_PAUSE_S * 2 ** (attempt - 1) * random.uniform(0.5, 1))  # noqa: S311 # jitter is no secret
