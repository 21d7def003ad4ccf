"""Conversations in DynamoDB: one item a turn, and one that says the conversation exists.

Table: partition key `session_id`, sort key `turn_id`, time to live on `expires_at`. The header sorts after every
turn, so one query from the end reads it and the latest turns, at one moment. Each append renews the header: a
conversation lives for the TTL after its last turn.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from faqchat.adapters.aws import THROTTLED, AwsService, Refused
from faqchat.adapters.item_batches import TRIES, delete_items, pause
from faqchat.conversation import Feedback, Turn
from faqchat.errors import Busy, Conflict, NotFound, Unavailable

HEADER = "~"  # after every hexadecimal turn id
DAY_S = 86_400

# Kept as JSON: floats survive, and a person can read it.
_NESTED = ("sources", "followups", "degraded", "usage", "feedback")
_LIVE = "attribute_exists(session_id) AND expires_at > :now"

_Item = dict[str, dict[str, Any]]


class DynamoHistory:
    """A `History`."""

    def __init__(self, table: str, ttl_days: int, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._ttl_s = ttl_days * DAY_S
        self._clock = clock
        self._dynamodb = AwsService("dynamodb")

    async def create(self, session_id: str) -> None:
        """Begin a conversation. Raises `Conflict` where the id is taken."""
        header = {**_key(session_id, HEADER), "expires_at": self._expiry()}

        def put(client: Any) -> None:
            client.put_item(TableName=self._table, Item=header, ConditionExpression="attribute_not_exists(session_id)")

        try:
            await self._dynamodb.run(put, expected={"ConditionalCheckFailedException"})
        except Refused as error:
            raise Conflict("a conversation with this id exists") from error

    async def recent(self, session_id: str, limit: int) -> list[Turn]:
        """The last `limit` turns that were not replaced, oldest first."""
        items = await self._dynamodb.run(lambda client: self._latest(client, session_id, limit + 1))
        live = [item for item in items if int(item["expires_at"]["N"]) > self._clock()]
        if not live or live[0]["turn_id"]["S"] != HEADER:
            raise NotFound("no such conversation")
        return [read_turn(item) for item in reversed(live[1:])]

    async def append(self, turn: Turn, replaces: str | None = None) -> None:
        """Store a turn, renew its conversation and mark the turn that it replaces, all or nothing.

        Raises `Conflict` where the turn id is taken, or there is no turn to replace.
        """
        renew = {
            "TableName": self._table,
            "Key": _key(turn.session_id, HEADER),
            "UpdateExpression": "SET expires_at = :expiry",
            "ConditionExpression": _LIVE,
            "ExpressionAttributeValues": {":expiry": self._expiry(), ":now": {"N": str(int(self._clock()))}},
        }
        put = {
            "TableName": self._table,
            "Item": {**_item(turn), "expires_at": self._expiry()},
            "ConditionExpression": "attribute_not_exists(turn_id)",
        }
        writes: list[dict[str, Any]] = [{"Update": renew}, {"Put": put}]
        if replaces:
            writes.append({"Update": self._change(turn.session_id, replaces, "replaced_by", {"S": turn.turn_id})})
        await self._dynamodb.run(lambda client: _transact(client, writes))

    async def rate(self, session_id: str, turn_id: str, feedback: Feedback) -> None:
        """Keep feedback with its turn."""
        change = self._change(session_id, turn_id, "feedback", {"S": feedback.model_dump_json()})
        try:
            await self._dynamodb.run(
                lambda client: client.update_item(**change), expected={"ConditionalCheckFailedException"}
            )
        except Refused as error:
            raise NotFound("no such turn") from error

    async def delete(self, session_id: str) -> list[str]:
        """Remove a conversation: its header first, so that nothing can be appended behind the deletion."""
        turn_ids = await self._dynamodb.run(lambda client: self._erase(client, session_id))
        if turn_ids is None:
            raise NotFound("no such conversation")
        return turn_ids

    async def ping(self) -> None:
        """Ask for an item that is not there; raises where the table cannot be read."""
        await self._dynamodb.run(lambda client: client.get_item(TableName=self._table, Key=_key("ping", HEADER)))

    def _change(self, session_id: str, turn_id: str, name: str, value: dict[str, str]) -> dict[str, Any]:
        """An update of a stored turn's attribute."""
        return {
            "TableName": self._table,
            "Key": _key(session_id, turn_id),
            "UpdateExpression": f"SET {name} = :value",
            "ConditionExpression": _LIVE,
            "ExpressionAttributeValues": {":value": value, ":now": {"N": str(int(self._clock()))}},
        }

    def _expiry(self) -> dict[str, str]:
        return {"N": str(int(self._clock()) + self._ttl_s)}

    def _latest(self, client: Any, session_id: str, limit: int) -> list[_Item]:
        query = self._whole(session_id)
        query["ExpressionAttributeValues"][":nothing"] = {"S": ""}
        pages = client.get_paginator("query").paginate(
            **query,
            FilterExpression="attribute_not_exists(replaced_by) OR replaced_by = :nothing",
            ScanIndexForward=False,
            PaginationConfig={"MaxItems": limit, "PageSize": limit},  # a page has fewer where turns were replaced
        )
        return [item for page in pages for item in page["Items"]]

    def _erase(self, client: Any, session_id: str) -> list[str] | None:
        """The ids of the turns that were removed; None where there was no conversation."""
        header = client.delete_item(TableName=self._table, Key=_key(session_id, HEADER), ReturnValues="ALL_OLD").get(
            "Attributes"
        )
        # The turns go even where the header was gone: an earlier deletion may have broken off after it.
        pages = client.get_paginator("query").paginate(
            **self._whole(session_id), ProjectionExpression="session_id, turn_id"
        )
        keys = [item for page in pages for item in page["Items"]]
        delete_items(client, self._table, keys)
        existed = header and int(header["expires_at"]["N"]) > self._clock()
        return [key["turn_id"]["S"] for key in keys] if existed else None

    def _whole(self, session_id: str) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "KeyConditionExpression": "session_id = :session",
            "ExpressionAttributeValues": {":session": {"S": session_id}},
            "ConsistentRead": True,  # the next question may come right after the answer
        }


def _transact(client: Any, items: list[dict[str, Any]]) -> None:
    for attempt in range(TRIES):
        pause(attempt)
        try:
            client.transact_write_items(TransactItems=items)
        except client.exceptions.TransactionCanceledException as error:
            reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
            if reasons[:1] == ["ConditionalCheckFailed"]:
                raise NotFound("no such conversation") from error
            if "ConditionalCheckFailed" in reasons:
                raise Conflict("a turn with this id exists, or there is none to replace") from error
            if "TransactionConflict" not in reasons:
                throttled = not THROTTLED.isdisjoint(map(str, reasons))
                raise (Busy if throttled else Unavailable)(f"dynamodb cancelled the write ({reasons})") from error
            # another turn renewed the same header at this moment
        else:
            return
    raise Busy("too many turns are being added to one conversation")


def _key(session_id: str, turn_id: str) -> _Item:
    return {"session_id": {"S": session_id}, "turn_id": {"S": turn_id}}


def _item(turn: Turn) -> _Item:
    item: _Item = {}
    for name, value in turn.model_dump(mode="json").items():
        if name in _NESTED:
            item[name] = {"S": json.dumps(value, ensure_ascii=False)}
        elif isinstance(value, float):
            item[name] = {"N": repr(value)}
        else:
            item[name] = {"S": value}
    return item


def read_turn(item: _Item) -> Turn:
    """A turn from its item."""
    flat = {name: next(iter(value.values())) for name, value in item.items() if name != "expires_at"}
    return Turn.model_validate({**flat, **{name: json.loads(flat[name]) for name in _NESTED if name in flat}})
