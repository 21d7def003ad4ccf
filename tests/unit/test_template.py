"""The deployment as `template.yaml` describes it: who may do what, what is encrypted, watched and kept for how long."""

import re
import tomllib
from typing import Any

import pytest
import yaml

from faqchat.settings import Settings
from local.layout import ROOT

# AWS grants neither by resource: trace segments belong to none, network interfaces are made before they have a name.
NOT_BY_RESOURCE = {"AWSXRayDaemonWriteAccess", "service-role/AWSLambdaENIManagementAccess"}
# A folder of the bucket; the six characters that Secrets Manager adds to each name.
OPEN_ENDS = re.compile(r"(/(faq|index|utterances)/\*|:secret:\$\{SecretName\}-\?{6})$")


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short tags as the functions that they stand for."""


def _function(loader: Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if tag == "GetAtt":
        value = value.split(".")
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


Loader.add_multi_constructor("!", _function)
TEMPLATE = yaml.load((ROOT / "template.yaml").read_text("utf-8"), Loader)
RESOURCES = TEMPLATE["Resources"]
SHARED = TEMPLATE["Globals"]["Function"]


def of(kind: str) -> dict[str, Any]:
    return {name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == kind}


FUNCTIONS = of("AWS::Serverless::Function")
QUEUES = of("AWS::SQS::Queue")


def target(reference: dict[str, Any]) -> str:
    """The logical id that a `!Ref` or `!GetAtt` names."""
    return reference["Ref"] if "Ref" in reference else reference["Fn::GetAtt"][0]


def consumers() -> list[tuple[str, str, dict[str, Any]]]:
    """Each function that a queue feeds, the queue, and how."""
    return [
        (function, target(event["Properties"]["Queue"]), event["Properties"])
        for function, properties in FUNCTIONS.items()
        for event in properties.get("Events", {}).values()
        if event["Type"] == "SQS"
    ]


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    """What a role allows, also what it allows only on a condition."""
    found = [part for policy in role["Policies"] for part in policy["PolicyDocument"]["Statement"]]
    return [part["Fn::If"][1] if "Fn::If" in part else part for part in found]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_python_is_the_projects_own():
    runtime = f"python{(ROOT / '.python-version').read_text().strip()}"
    assert SHARED["Runtime"] == runtime
    assert all("Runtime" not in function for function in FUNCTIONS.values())
    for layer in of("AWS::Serverless::LayerVersion").values():
        assert layer["CompatibleRuntimes"] == [runtime]
        assert layer["CompatibleArchitectures"] == SHARED["Architectures"]


def test_every_variable_is_a_setting():
    sets = [SHARED, *FUNCTIONS.values()]
    named = {name for part in sets for name in part["Environment"]["Variables"] if name.startswith("FAQCHAT_")}
    assert {name.removeprefix("FAQCHAT_").lower() for name in named} <= set(Settings.model_fields)


@pytest.mark.parametrize("role", of("AWS::IAM::Role"))
class TestRole:
    def test_allows_named_actions_on_named_resources(self, role):
        for statement in statements(of("AWS::IAM::Role")[role]):
            assert statement["Effect"] == "Allow"
            assert not [action for action in listed(statement["Action"]) if "*" in action]
            for resource in listed(statement["Resource"]):
                (written,) = resource.values()
                assert "Fn::GetAtt" in resource or "*" not in OPEN_ENDS.sub("", written), written

    def test_has_no_managed_policy_but_those_that_cannot_name_a_resource(self, role):
        managed = str(of("AWS::IAM::Role")[role]["ManagedPolicyArns"])
        assert set(re.findall(r":policy/([\w/-]+)", managed)) <= NOT_BY_RESOURCE


@pytest.mark.parametrize("function", FUNCTIONS)
class TestFunction:
    def test_has_a_role_of_the_template_that_may_write_its_own_log(self, function):
        log = target(FUNCTIONS[function]["LoggingConfig"]["LogGroup"])
        allowed = statements(of("AWS::IAM::Role")[target(FUNCTIONS[function]["Role"])])
        writes = [part["Resource"] for part in allowed if "logs:PutLogEvents" in part["Action"]]
        assert log in [target(resource) for part in writes for resource in listed(part)]

    def test_is_traced_and_watched(self, function):
        watched = {
            alarm["MetricName"]
            for alarm in of("AWS::CloudWatch::Alarm").values()
            if alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": function}}]
        }
        assert watched == {"Errors", "Throttles", "Duration"}
        assert SHARED["Tracing"] == "Active"

    def test_is_told_to_be_slow_before_it_times_out(self, function):
        (threshold_ms,) = (
            alarm["Threshold"]
            for alarm in of("AWS::CloudWatch::Alarm").values()
            if alarm["MetricName"] == "Duration" and alarm["Dimensions"][0]["Value"] == {"Ref": function}
        )
        assert threshold_ms < FUNCTIONS[function]["Timeout"] * 1_000


def test_logs_are_not_kept_for_ever():
    assert len(of("AWS::Logs::LogGroup")) > len(FUNCTIONS)
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in of("AWS::Logs::LogGroup").values())


def test_a_message_is_hidden_six_times_as_long_as_its_consumer_may_run():
    for function, queue, _ in consumers():
        assert QUEUES[queue]["VisibilityTimeout"] >= 6 * FUNCTIONS[function]["Timeout"]


def test_a_message_that_fails_again_and_again_is_set_aside_and_told_of():
    waiting = [
        alarm["Dimensions"][0]["Value"]
        for alarm in of("AWS::CloudWatch::Alarm").values()
        if alarm["Namespace"] == "AWS/SQS"
    ]
    invoked = [how["EventInvokeConfig"] for how in FUNCTIONS.values() if "EventInvokeConfig" in how]
    given_up = [target(how["DestinationConfig"]["OnFailure"]["Destination"]) for how in invoked]
    given_up += [target(QUEUES[queue]["RedrivePolicy"]["deadLetterTargetArn"]) for _, queue, _ in consumers()]
    assert sorted(given_up) == sorted(map(target, waiting))
    assert {QUEUES[queue]["MessageRetentionPeriod"] for queue in given_up} == {14 * 86_400}


def test_batches_fail_alone_and_publications_come_one_by_one():
    (embed,) = (how for function, _, how in consumers() if function == "EmbedFunction")
    assert embed["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    ((publications, how),) = ((queue, how) for function, queue, how in consumers() if function == "IngestFunction")
    assert (QUEUES[publications]["FifoQueue"], how["BatchSize"]) == (True, 1)


def test_queues_are_encrypted():
    assert all(queue["SqsManagedSseEnabled"] is True for queue in QUEUES.values())


@pytest.mark.parametrize("table", of("AWS::DynamoDB::Table"))
def test_tables_are_encrypted_recoverable_and_forget(table):
    properties = of("AWS::DynamoDB::Table")[table]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["TimeToLiveSpecification"]["Enabled"] is True


def test_buckets_are_private_encrypted_versioned_and_read_over_tls_only():
    ((name, bucket),) = of("AWS::S3::Bucket").items()
    assert list(bucket["PublicAccessBlockConfiguration"].values()) == [True] * 4
    assert bucket["BucketEncryption"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert any("NoncurrentVersionExpiration" in rule for rule in bucket["LifecycleConfiguration"]["Rules"])
    (policy,) = of("AWS::S3::BucketPolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert policy["Bucket"] == {"Ref": name}
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_what_people_put_in_outlives_the_stack():
    for name in ("FaqBucket", "ConversationsTable"):
        assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


def test_the_world_may_call_the_url_only_where_that_was_chosen():
    public = {
        name: resource
        for name, resource in RESOURCES.items()
        if resource["Type"] == "AWS::Lambda::Permission" and resource["Properties"]["Principal"] == "*"
    }
    assert {permission["Properties"]["Action"] for permission in public.values()} == {
        "lambda:InvokeFunctionUrl",
        "lambda:InvokeFunction",
    }
    assert {permission["Condition"] for permission in public.values()} == {"IsPublic"}
    assert TEMPLATE["Parameters"]["AuthType"]["Default"] == "AWS_IAM"


def cors(part: Any) -> list[dict[str, Any]]:
    """Every CORS configuration below a part of the template."""
    if isinstance(part, dict) and "AllowHeaders" in part:
        return [part]
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return [found for each in inner for found in cors(each)]


def test_pages_elsewhere_may_resume_and_repeat_a_turn_at_both_doors():
    doors = cors(RESOURCES)
    assert len(doors) == 2
    for door in doors:
        assert {"authorization", "content-type", "idempotency-key", "last-event-id"} <= set(door["AllowHeaders"])
        assert set(door["ExposeHeaders"]) == {"idempotency-replayed", "x-request-id"}


@pytest.mark.parametrize("environment", ["local", "dev", "prod"])
def test_each_environment_gives_what_the_template_asks_for_and_nothing_else(environment):
    config = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))
    first, *overrides = config[environment]["deploy"]["parameters"]["parameter_overrides"]
    given = {override.partition("=")[0] for override in overrides}
    asked = {name for name, parameter in TEMPLATE["Parameters"].items() if "Default" not in parameter}
    assert first == "file://.aws-sam/release.yaml"
    assert asked <= given <= set(TEMPLATE["Parameters"])
