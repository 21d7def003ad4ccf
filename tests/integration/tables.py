"""DynamoDB tables shaped as template.yaml makes them."""

from typing import Any


def create_table(dynamodb: Any, name: str, partition_key: str, sort_key: str | None = None) -> str:
    """Create a table with string keys; gives its name."""
    keys = {partition_key: "HASH"} | ({sort_key: "RANGE"} if sort_key else {})
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    return name
