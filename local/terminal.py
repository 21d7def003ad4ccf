"""A conversation in the terminal: type, watch the answer stream, take up an offer by its number."""

import sys

import httpx

from local.client import CannotSign, RequestFailed, ask, connect

HELP = "질문을 입력하세요. 번호를 입력하면 제안한 내용을 안내합니다. /new 새 대화, /quit 끝내기"


def converse(url: str, *, aws_iam: bool) -> int:
    """Until /quit, Ctrl-D or Ctrl-C."""
    with connect(url, aws_iam=aws_iam) as client:
        print(HELP)
        conversation = _Conversation(client)
        while True:
            try:
                typed = input("\n> ").strip()
            except EOFError:
                return 0
            if typed in ("/quit", "/exit"):
                return 0
            if typed == "/new":
                conversation = _Conversation(client)
            elif typed:
                try:
                    conversation.say(typed)
                except (RequestFailed, CannotSign) as error:
                    print(f"\n오류: {error}", file=sys.stderr)


class _Conversation:
    """What the next message goes on from; an answer that breaks off does not end it."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._session_id: str | None = None
        self._offers: list[dict[str, str]] = []

    def say(self, typed: str) -> None:
        """Send a message, or an offer by its number, and print the answer as it comes."""
        chosen = typed.isdecimal() and 0 < int(typed) <= len(self._offers)
        offer = self._offers[int(typed) - 1] if chosen else None
        message, followup_id = (offer["text"], offer["faq_id"]) if offer else (typed, None)
        begins = self._session_id is None
        for kind, event in ask(self._client, message, self._session_id, followup_id):
            match kind:
                case "start":
                    self._session_id, self._offers = event["session_id"], []
                case "delta":
                    print(event["text"], end="", flush=True)
                case "followups":
                    self._offers = event["followups"]
                case "error":
                    print(f"\n오류: {event['detail']}", file=sys.stderr)
                case "done":
                    print()
                    if begins and "history" in event["degraded"]:
                        self._session_id = None  # it could not be stored, so the server will not know it again
        for number, suggested in enumerate(self._offers, 1):
            print(f"  {number}. {suggested['text']}")
