"""What running turns say, in DynamoDB: a header a turn, an item for each batch of events, an item an idempotency key.

Table: partition key `turn_id`, sort key `part`, time to live on `expires_at`. A header sorts after its events, and
lives as long as conversations do, for it tells feedback which one a turn belongs to; all else lives for a day.
"""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from faqchat.adapters.aws import AwsService, Refused
from faqchat.adapters.item_batches import delete_items
from faqchat.errors import Conflict, NotFound
from faqchat.events import EVENT, Event, Numbered, as_json
from faqchat.turnlog import Claim, Recorded, Signals

HEADER = "~"  # after every number
DAY_S = 86_400

_UNMET = frozenset({"ConditionalCheckFailedException"})

_Item = dict[str, dict[str, Any]]


class DynamoTurnLog:
    """A `TurnLog` and its `Claims`."""

    def __init__(self, table: str, ttl_days: int, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._ttl_s = ttl_days * DAY_S
        self._clock = clock
        self._dynamodb = AwsService("dynamodb")

    async def open(self, turn_id: str, session_id: str) -> None:
        """Begin the record of a turn."""
        header = {
            **_key(turn_id, HEADER),
            "session_id": {"S": session_id},
            "alive_at": _number(self._clock()),
            "expires_at": self._expiry(self._ttl_s),
        }
        await self._dynamodb.run(lambda client: client.put_item(TableName=self._table, Item=header))

    async def append(self, turn_id: str, first: int, events: Sequence[Event]) -> None:
        """Add events as one item, which the same and more events overwrite: a write that was given up may come late."""
        item = {
            **_key(turn_id, _part(first)),
            "reaches": {"N": str(first + len(events))},
            "events": {"S": f"[{','.join(map(as_json, events))}]"},
            "expires_at": self._expiry(DAY_S),
        }
        condition = {
            "ConditionExpression": "attribute_not_exists(part) OR reaches <= :reaches",
            "ExpressionAttributeValues": {":reaches": item["reaches"]},
        }

        def put(client: Any) -> None:
            client.put_item(TableName=self._table, Item=item, **condition)

        with suppress(Refused):
            await self._dynamodb.run(put, expected=_UNMET)

    async def beat(self, turn_id: str) -> Signals:
        """Note the time in the header, and read the rest of it."""
        header = await self._note(turn_id, "alive_at", _number(self._clock()))
        return Signals("cancelled" in header, _float(header.get("watched_at")))

    async def read(self, turn_id: str, after: int = -1) -> Recorded:
        """The events with greater numbers; an item that holds some of them and earlier ones is cut."""
        items = await self._dynamodb.run(lambda client: self._query(client, turn_id))
        live = [item for item in items if _float(item["expires_at"]) > self._clock()]
        header = next((item for item in live if item["part"]["S"] == HEADER), None)
        if header is None:
            raise NotFound("no such turn")
        numbered = (
            Numbered(number, EVENT.validate_python(event))
            for item in live
            if item is not header
            for number, event in enumerate(json.loads(item["events"]["S"]), int(item["part"]["S"]))
        )
        events = tuple(event for event in numbered if event.number > after)
        return Recorded(header["session_id"]["S"], events, _float(header["alive_at"]))

    async def cancel(self, turn_id: str) -> None:
        """Note in the header that the turn is to end."""
        await self._note(turn_id, "cancelled", {"BOOL": True})

    async def watch(self, turn_id: str) -> None:
        """Note in the header that somebody reads."""
        await self._note(turn_id, "watched_at", _number(self._clock()))

    async def erase(self, turn_ids: Sequence[str]) -> None:
        """Remove all items of the turns."""
        await self._dynamodb.run(lambda client: self._erase(client, turn_ids))

    async def claim(self, key: str, claim: Claim, instead_of: str | None = None) -> Claim:
        """Write the claim where there is none, or that of the turn `instead_of`; else give the one that is there."""
        item = {
            **_key(_claimed(key), HEADER),
            "turn": {"S": claim.turn_id},
            "body": {"S": claim.body},
            "expires_at": self._expiry(DAY_S),
        }
        values: _Item = {":now": _number(self._clock())}
        condition = "attribute_not_exists(turn_id) OR expires_at < :now"
        if instead_of:
            values[":before"] = {"S": instead_of}
            condition += " OR turn = :before"

        def put(client: Any) -> None:
            client.put_item(
                TableName=self._table, Item=item, ConditionExpression=condition, ExpressionAttributeValues=values
            )

        try:
            await self._dynamodb.run(put, expected=_UNMET)
        except Refused:
            held = (
                await self._dynamodb.run(
                    lambda client: client.get_item(
                        TableName=self._table, Key=_key(_claimed(key), HEADER), ConsistentRead=True
                    )
                )
            ).get("Item")
            if held is None:  # given up between the two calls
                raise Conflict("the key changed hands at this moment") from None
            return Claim(held["turn"]["S"], held["body"]["S"])
        return claim

    async def release(self, key: str, turn_id: str) -> None:
        """Delete the claim, unless it is another turn's by now."""

        def delete(client: Any) -> None:
            client.delete_item(
                TableName=self._table,
                Key=_key(_claimed(key), HEADER),
                ConditionExpression="turn = :turn",
                ExpressionAttributeValues={":turn": {"S": turn_id}},
            )

        try:
            await self._dynamodb.run(delete, expected=_UNMET)
        except Refused:
            return

    async def _note(self, turn_id: str, name: str, value: dict[str, Any]) -> _Item:
        """The header, with this attribute set."""
        request = {
            "TableName": self._table,
            "Key": _key(turn_id, HEADER),
            "UpdateExpression": f"SET {name} = :value",
            "ConditionExpression": "expires_at > :now",
            "ExpressionAttributeValues": {":value": value, ":now": _number(self._clock())},
            "ReturnValues": "ALL_NEW",
        }
        try:
            answer = await self._dynamodb.run(lambda client: client.update_item(**request), expected=_UNMET)
        except Refused as error:
            raise NotFound("no such turn") from error
        header: _Item = answer["Attributes"]
        return header

    def _query(self, client: Any, turn_id: str) -> list[_Item]:
        """The turn's items, its header last: some kilobytes, so all of them."""
        pages = client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="turn_id = :turn",
            ExpressionAttributeValues={":turn": {"S": turn_id}},
            ConsistentRead=True,
        )
        return [item for page in pages for item in page["Items"]]

    def _erase(self, client: Any, turn_ids: Sequence[str]) -> None:
        found = (item for turn_id in turn_ids for item in self._query(client, turn_id))
        delete_items(client, self._table, [{name: item[name] for name in ("turn_id", "part")} for item in found])

    def _expiry(self, ttl_s: int) -> dict[str, str]:
        return _number(int(self._clock()) + ttl_s)


def _key(turn_id: str, part: str) -> _Item:
    return {"turn_id": {"S": turn_id}, "part": {"S": part}}


def _part(first: int) -> str:
    return f"{first:06d}"


def _claimed(key: str) -> str:
    return f"key#{key}"


def _number(value: float) -> dict[str, str]:
    return {"N": repr(value)}


def _float(number: dict[str, str] | None) -> float:
    return float(number["N"]) if number else 0.0
