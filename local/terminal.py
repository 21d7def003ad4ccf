"""A conversation in the terminal: type, watch the answer stream, take up an offer by its number."""

import sys

import httpx

from local.client import RequestFailed, ask, connect

HELP = "질문을 입력하세요. 번호를 입력하면 제안한 내용을 안내합니다. /new 새 대화, /quit 끝내기"


def converse(url: str, *, aws_iam: bool) -> int:
    """Until /quit, Ctrl-D or Ctrl-C."""
    session_id: str | None = None
    offers: list[dict[str, str]] = []
    print(HELP)
    with connect(url, aws_iam=aws_iam) as client:
        while True:
            try:
                typed = input("\n> ").strip()
            except EOFError:
                return 0
            if typed in ("/quit", "/exit"):
                return 0
            if typed == "/new":
                session_id, offers = None, []
                continue
            if not typed:
                continue
            chosen = offers[int(typed) - 1] if typed.isdecimal() and 0 < int(typed) <= len(offers) else None
            try:
                session_id, offers = _turn(client, chosen["text"] if chosen else typed, session_id, chosen)
            except (RequestFailed, httpx.HTTPError) as error:
                print(f"오류: {error}", file=sys.stderr)


def _turn(
    client: httpx.Client, message: str, session_id: str | None, chosen: dict[str, str] | None
) -> tuple[str | None, list[dict[str, str]]]:
    offers: list[dict[str, str]] = []
    begins = session_id is None
    for kind, event in ask(client, message, session_id, chosen["faq_id"] if chosen else None):
        match kind:
            case "start":
                session_id = event["session_id"]
            case "delta":
                print(event["text"], end="", flush=True)
            case "followups":
                offers = event["followups"]
            case "error":
                print(f"\n오류: {event['detail']}", file=sys.stderr)
            case "done":
                print()
                if begins and "history" in event["degraded"]:
                    session_id = None  # it could not be stored, so the server will not know it again
    for number, offer in enumerate(offers, 1):
        print(f"  {number}. {offer['text']}")
    return session_id, offers
