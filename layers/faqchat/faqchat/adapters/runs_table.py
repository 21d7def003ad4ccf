"""Runs of the ingest pipeline in DynamoDB: one item a run, all under one partition key, sorted by the upload's time.

Table: partition key `kind` (always `run`), sort key `run_id`, time to live on `expires_at`. The batches that are still
to be embedded are a number set, from which each batch deletes its own number: one write, the same however often it is
repeated, and whoever empties the set knows it. 50,000 entries make some 4,000 batches, a set of 12 KB.
"""

import time
from datetime import UTC, datetime
from typing import Any

from faqchat.adapters.aws import AwsService, Refused
from faqchat.errors import NotFound
from faqchat.runs import Batch, Run, Status

TTL_S = 90 * 86_400
WHY_CHARS = 300  # of what went wrong with a batch

_KIND = {"S": "run"}
_UNMET = "ConditionalCheckFailedException"
# Attributes of their own, since they change one by one; the rest of a run is one JSON document.
_APART = ("status", "round", "pending", "failed", "ended_at", "error")

_Item = dict[str, dict[str, Any]]


class DynamoRuns:
    """A `Runs`."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._dynamodb = AwsService("dynamodb")

    async def begin(self, run: Run) -> Run:
        """Begin the run, or its next round."""
        values: _Item = {
            ":run": {"S": _document(run)},
            ":status": {"S": "embedding"},
            ":none": {"N": "0"},
            ":one": {"N": "1"},
            ":failed": {"M": {}},
            ":error": {"S": ""},
            ":expiry": _expiry(),
        }
        changes = (
            "SET #run = :run, #status = :status, #round = if_not_exists(#round, :none) + :one, #failed = :failed, "
            "#error = :error, expires_at = :expiry"
        )
        if run.pending:
            values[":pending"] = _numbers(*run.pending)
            changes += ", #pending = :pending REMOVE ended_at"
        else:
            changes += " REMOVE ended_at, #pending"  # a set cannot be empty
        return _run(await self._update(run.run_id, changes, values))

    async def record(self, run: Run) -> Run:
        """Keep a run that ended at once."""
        item = {
            **_key(run.run_id),
            "run": {"S": _document(run)},
            "status": {"S": run.status},
            "round": {"N": str(run.round)},
            "failed": {"M": {}},
            "error": {"S": run.error},
            "ended_at": {"S": _stamp(run.ended_at)},
            "expires_at": _expiry(),
        }

        def put(client: Any) -> None:
            client.put_item(TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(run_id)")

        try:
            await self._dynamodb.run(put, expected={_UNMET})
        except Refused:
            return await self.get(run.run_id)
        return run

    async def get(self, run_id: str) -> Run:
        """One run."""
        found = await self._dynamodb.run(
            lambda client: client.get_item(TableName=self._table, Key=_key(run_id), ConsistentRead=True)
        )
        if "Item" not in found:
            raise NotFound(f"no ingest run {run_id}")
        return _run(found["Item"])

    async def newest(self) -> Run | None:
        """The run of the newest upload that was not refused."""
        found = await self._dynamodb.run(lambda client: self._query(client, 1, usable=True))
        return _run(found[0]) if found else None

    async def latest(self, limit: int) -> list[Run]:
        """The last runs, newest first."""
        return [_run(item) for item in await self._dynamodb.run(lambda client: self._query(client, limit))]

    async def complete(self, batch: Batch) -> Run:
        """Take the batch's number out of the set."""
        try:
            changed = await self._update(
                batch.run_id,
                "DELETE #pending :numbers REMOVE #failed.#number",
                {":numbers": _numbers(batch.number), ":round": {"N": str(batch.round)}},
                condition="#round = :round",
                number=batch.number,
            )
        except Refused:
            return await self.get(batch.run_id)
        return _run(changed)

    async def fail(self, batch: Batch, why: str) -> None:
        """Note why a batch that is still pending failed."""
        values: _Item = {
            ":why": {"S": why[:WHY_CHARS]},
            ":number": {"N": str(batch.number)},
            ":round": {"N": str(batch.round)},
        }
        try:
            await self._update(
                batch.run_id,
                "SET #failed.#number = :why",
                values,
                condition="#round = :round AND contains(#pending, :number)",
                number=batch.number,
            )
        except Refused:
            return

    async def end(self, run_id: str, status: Status, error: str = "") -> Run:
        """The run is over."""
        values: _Item = {":status": {"S": status}, ":error": {"S": error}, ":now": {"S": _stamp(datetime.now(UTC))}}
        try:
            changed = await self._update(
                run_id,
                "SET #status = :status, #error = :error, ended_at = :now REMOVE #pending",
                values,
                condition="attribute_exists(run_id)",
            )
        except Refused as error_:
            raise NotFound(f"no ingest run {run_id}") from error_
        return _run(changed)

    async def _update(
        self, run_id: str, changes: str, values: _Item, condition: str = "", number: int | None = None
    ) -> _Item:
        """The item after the change. Raises `Refused` where the condition is not met."""
        written = f"{changes} {condition}"
        names = {f"#{name}": name for name in ("run", *_APART) if f"#{name}" in written}
        if number is not None:
            names["#number"] = str(number)
        request = {
            "TableName": self._table,
            "Key": _key(run_id),
            "UpdateExpression": changes,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ReturnValues": "ALL_NEW",
        }
        if condition:
            request["ConditionExpression"] = condition
        answer = await self._dynamodb.run(lambda client: client.update_item(**request), expected={_UNMET})
        changed: _Item = answer["Attributes"]
        return changed

    def _query(self, client: Any, limit: int, *, usable: bool = False) -> list[_Item]:
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "kind = :kind",
            "ExpressionAttributeValues": {":kind": _KIND},
            "ScanIndexForward": False,
            "ConsistentRead": True,
        }
        if usable:
            request["FilterExpression"] = "#status <> :refused"
            request["ExpressionAttributeNames"] = {"#status": "status"}
            request["ExpressionAttributeValues"] = {":kind": _KIND, ":refused": {"S": "refused"}}
        found: list[_Item] = []
        for page in client.get_paginator("query").paginate(**request, PaginationConfig={"PageSize": max(limit, 5)}):
            found += page["Items"]
            if len(found) >= limit:
                break
        return found[:limit]


def _key(run_id: str) -> _Item:
    return {"kind": _KIND, "run_id": {"S": run_id}}


def _numbers(*numbers: int) -> dict[str, Any]:
    return {"NS": [str(number) for number in sorted(numbers)]}


def _expiry() -> dict[str, str]:
    return {"N": str(int(time.time()) + TTL_S)}


def _stamp(at: datetime | None) -> str:
    return (at or datetime.now(UTC)).isoformat()


def _document(run: Run) -> str:
    return run.model_dump_json(exclude=set(_APART))


def _run(item: _Item) -> Run:
    stored = Run.model_validate_json(item["run"]["S"])
    return stored.model_copy(
        update={
            "status": item["status"]["S"],
            "round": int(item["round"]["N"]),
            "pending": frozenset(map(int, item["pending"]["NS"])) if "pending" in item else frozenset(),
            "failed": {int(number): why["S"] for number, why in item["failed"]["M"].items()},
            "ended_at": datetime.fromisoformat(item["ended_at"]["S"]) if "ended_at" in item else None,
            "error": item["error"]["S"],
        }
    )
