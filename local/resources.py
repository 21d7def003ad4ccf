"""The tables and the bucket that `template.yaml` gives a deployment, made in the laptop's emulator; safe to repeat."""

import os
from contextlib import suppress
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

TTL_ATTRIBUTE = "expires_at"
CONFIG = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 3})
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def create_resources(conversations: str, turns: str, ingest: str, bucket: str) -> None:
    """Create what is missing at AWS_ENDPOINT_URL; refuse to do so anywhere but on this machine."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    if urlsplit(endpoint).hostname not in LOOPBACK:
        raise ValueError(f"AWS_ENDPOINT_URL is {endpoint!r}: tables are created on this machine only")
    _create_table(endpoint, conversations, "session_id", "turn_id")
    _create_table(endpoint, turns, "turn_id", "part")
    _create_table(endpoint, ingest, "kind", "run_id")
    _create_bucket(endpoint, bucket)


def _create_table(endpoint: str, name: str, partition_key: str, sort_key: str) -> None:
    dynamodb = boto3.client("dynamodb", endpoint_url=endpoint, config=CONFIG)
    with suppress(dynamodb.exceptions.ResourceInUseException):
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in (partition_key, sort_key)],
            KeySchema=[
                {"AttributeName": partition_key, "KeyType": "HASH"},
                {"AttributeName": sort_key, "KeyType": "RANGE"},
            ],
        )
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 10})
    if dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED":
        ttl = {"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)


def _create_bucket(endpoint: str, name: str) -> None:
    s3 = boto3.client("s3", endpoint_url=endpoint, config=CONFIG)
    try:
        s3.head_bucket(Bucket=name)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
