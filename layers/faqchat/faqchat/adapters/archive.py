"""All stored turns, for reports: a scan of the conversations table, page by page.

A scan reads every item; a million turns of 5 KB cost some 0.2 USD and minutes. Reports are rare, and an index by time
would cost more with each turn.
"""

import time
from collections.abc import AsyncIterator
from typing import Any

from faqchat.adapters.aws import AwsService
from faqchat.adapters.dynamodb import HEADER, read_turn
from faqchat.conversation import Turn

DAY_S = 86_400
PAGE = 500  # items


class DynamoArchive:
    """An `Archive`."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._dynamodb = AwsService("dynamodb")

    async def since(self, days: int) -> AsyncIterator[Turn]:
        """The turns of the last days, as the table gives them; turn ids begin with the time in milliseconds."""
        earliest = f"{int((time.time() - days * DAY_S) * 1_000):012x}"
        request: dict[str, Any] = {
            "TableName": self._table,
            "FilterExpression": "turn_id >= :earliest AND turn_id < :header AND expires_at > :now",
            "ExpressionAttributeValues": {
                ":earliest": {"S": earliest},
                ":header": {"S": HEADER},
                ":now": {"N": str(int(time.time()))},
            },
            "Limit": PAGE,
        }
        while True:
            page = await self._dynamodb.run(lambda client: client.scan(**request))
            for item in page["Items"]:
                yield read_turn(item)
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
