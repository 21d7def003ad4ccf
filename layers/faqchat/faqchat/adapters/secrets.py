"""The keys of a deployment, from one secret in Secrets Manager, read through Powertools Parameters."""

from collections.abc import Mapping
from typing import Any

from faqchat.adapters.aws import patience
from faqchat.errors import Unavailable


def read_secret(name: str) -> Mapping[str, str]:
    """The entries of a secret that is a JSON object of strings. What goes wrong is told without its content."""
    from aws_lambda_powertools.utilities.parameters import SecretsProvider  # noqa: PLC0415 # imports boto3
    from aws_lambda_powertools.utilities.parameters.exceptions import (  # noqa: PLC0415
        GetParameterError,
        TransformParameterError,
    )
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    try:
        found: Any = SecretsProvider(boto_config=patience()).get(name, transform="json")
    except (TransformParameterError, UnicodeDecodeError):  # these carry the secret
        raise Unavailable(f"the secret {name} is not JSON") from None
    except (GetParameterError, BotoCoreError) as error:  # the latter where not even a client can be made
        raise Unavailable(f"the secret {name}, which FAQCHAT_SECRET_NAME names, cannot be read: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise Unavailable(f"the secret {name} is not a JSON object of strings")
    return found
