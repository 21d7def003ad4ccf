"""The chatbot on one machine, without Docker, a cloud account or an API key.

python -m local up [--faq PATH] [--port 8000]     start everything and serve http://127.0.0.1:8000
python -m local ingest PATH [--json]              bring the index up to a .pkl, .jsonl or .csv file
python -m local ingest PATH --expand [--yes]      and have the chat model write utterances where there are none
python -m local ask "질문" [--session ID] [--json]  ask one question
python -m local chat [--url URL] [--aws-iam]      converse in the terminal
python -m local eval PATH... [--json] [--rows F]  measure answers on question files
python -m local bench [--turns N]                 measure how long warm turns take
python -m local demo                              play the demo dialogues
python -m local down                              stop what runs
"""

import sys

from faqchat.errors import BadSource, FaqChatError
from local import cli, commands
from local.expanding import Refused
from local.stack import StackError


def main() -> int:
    """Run one command; 2 for what was asked for in a way that cannot be used, 1 for what could not be done."""
    arguments = cli.parser().parse_args()
    try:
        return commands.run(arguments, cli.layout(arguments))
    except (BadSource, Refused) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (FaqChatError, StackError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
