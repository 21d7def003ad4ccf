"""Greetings, thanks and questions about the bot itself: answered as such, never searched."""

import re

GREETING = (
    "안녕하세요! 네이버 스마트스토어 판매자님의 궁금한 점을 FAQ에서 찾아 답해 드리는 챗봇입니다.\n"
    "가입, 상품 등록, 배송, 정산처럼 알고 싶은 내용을 편하게 물어보세요."
)
CLARIFY = (
    "어떤 내용을 도와드릴까요? 조금만 더 구체적으로 말씀해 주시면 정확히 안내해 드릴 수 있습니다.\n"
    "혹시 아래 내용 중에 찾으시는 것이 있나요?"
)
THANKS = "도움이 되었다니 기쁩니다. 더 궁금한 점이 있으면 언제든지 물어보세요."
ABILITIES = (
    "스마트스토어 FAQ를 바탕으로 판매자님의 질문에 답해 드립니다.\n"
    "· 가입과 심사, 필요한 서류\n"
    "· 상품 등록과 노출, 주문·배송·반품 처리\n"
    "· 정산과 수수료, 마케팅 기능\n"
    '예를 들어 "정산은 언제 되나요?"처럼 물어보시면 됩니다.'
)

# No text matches these in two ways: with 네+ inside a repeated group, thirty times 네 would take minutes.
_FILLER = r"(?:[\s~!?.,^;:)(ㅎㅋㅠㅜ♡☆]|네|넵|넹|아|오|음|정말|너무|다들|여러분|챗봇|상담원|님)*"
_HELLO = (
    r"(?:안녕(?:하(?:세요|십니까|신가요)|히)?|하이(?:요|루)?|헬로우?|ㅎㅇ|반갑(?:습니다|네요|다)|반가(?:워요?|와요?)"
    r"|(?:좋은|굿)\s*(?:아침|저녁|하루|오후|밤|모닝)(?:이에요|입니다|이네요|이요|되세요)?"
    r"|처음\s*뵙겠습니다|계세요|계신가요|저기요|여보세요|hi|hello|hey|good\s*(?:morning|evening|afternoon))"
)
_THANK = (
    r"(?:(?:많은\s*)?도움(?:이|을)?\s*(?:많이\s*)?(?:됐|되었|받았)(?:습니다|어요?|네요?|다|음)?|감사(?:합니다|해요|드려요|드립니다)?|고마(?:워요?|웠어요|습니다)"
    r"|고맙(?:습니다|네요)|땡큐|ㄱㅅ|수고(?:하세요|하셨습니다|하셨어요|많으셨어요)?|잘\s*(?:알겠|알았|이해했)(?:습니다|어요?|네요?|음|다)?|알겠(?:습니다|어요)|이해했(?:습니다|어요)"
    r"|친절(?:하시네요|하네요)|잘\s*있어요?|또\s*올게요?|bye|thanks?(?:\s*you)?|thank\s*you)"
)
_BOT = r"(?:너|넌|당신|(?:이\s*)?챗봇|여기)(?:[은는이가]|에서는?|서는?)?"
_WHAT = r"(?:뭐|뭘|무엇을?|무슨\s*(?:일|질문|말|도움)[을를]?|어떤\s*(?:것|걸|거|일|질문|도움|내용)[을를이에]?)(?:부터)?"
# From the start, since further in it is asked of something else: "통계 메뉴에서 뭘 확인할 수 있나요?"
_ABILITY = re.compile(
    rf"^(?:(?:그럼|혹시|{_BOT})[\s,]*)*{_WHAT}\s*(?:나를|나한테|저를|저한테|제가)?\s*"
    r"(?:할\s*수\s*있|도와|물어|물으면|여쭤|질문|해\s*줄|답(?:해|변)|알려\s*줄|받을\s*수\s*있)"
    r"|^(?:뭐|뭘|무엇을?|무슨|어떤)\s*(?:질문|말|얘기)[을를은]?\s*(?:하면|해야)\s*(?:되|돼|좋|하)"
    rf"|^{_BOT}\s*(?:누구|뭐|정체)|^누구(?:세요|야|니)|^자기\s*소개(?!서)"
    rf"|^{_BOT}.{{0,8}}(?:사용법|쓰는\s*법|어떻게\s*(?:써|쓰|사용))"
    r"|(?:사용법|이용\s*방법|쓰는\s*법).{0,8}(?:알려|설명).{0,40}(?:물어|여쭤)"
    r"|^상담\s*(?:가능(?:한가요|해요?|할까요|하신가요)?|되나요?|돼요?|할\s*수\s*있(?:나요|을까요|어요))[\s?!.~]*$"
)
_GREETING = re.compile(f"^{_FILLER}(?:{_HELLO}{_FILLER})+$", re.IGNORECASE)
_THANKS = re.compile(f"^{_FILLER}(?:(?:{_THANK}|{_HELLO}){_FILLER})+$", re.IGNORECASE)
# A short hello must end a word, and what follows must not begin one: 하이라이트, 안녕하세요 아이디는 …
_OPENING = re.compile(
    rf"^{_FILLER}(?:안녕하(?:세요|십니까|신가요)|{_HELLO}(?![가-힣a-z]))"
    r"(?:[\s~!?.,^;:)(ㅎㅋㅠㅜ♡☆]|(?:(?:챗봇|상담원)?\s?님|여러분)(?![가-힣]))*",
    re.IGNORECASE,
)
_YES = re.compile(
    r"^(?=.*\w)[\s~!.,]*(?:(?:네|넵|넹|예|응|ㅇㅇ|어|좋아요?|그래요?|그럼요|yes|ok|오케이)[\s~!.,]*)*"
    r"(?:(?:(?:그것도|그거|그걸|그렇게)\s*)?(?:(?:안내|알려|설명|말씀)(?:해)?\s*)?(?:해\s*)?"
    r"(?:주세요|줘요?|주실래요|(?:부탁)?\s*(?:드려요|드립니다|드릴게요|해요))|궁금(?:해요|합니다))?[\s~!.,]*$",
    re.IGNORECASE,
)


def reply(message: str) -> str | None:
    """What to say to a message that is only a greeting, thanks, or a question about the bot."""
    if len(message) > 80:
        return None
    if _GREETING.match(message):
        return GREETING
    if _THANKS.match(message):
        return THANKS
    if _ABILITY.search(_OPENING.sub("", message)) and len(message) < 50:
        return ABILITIES
    return None


def without_greeting(message: str) -> str:
    """The message without a greeting in front of the question."""
    return _OPENING.sub("", message).strip() or message


def accepts_offer(message: str) -> bool:
    """A bare yes, or a bare 'please do': it takes up what was offered last."""
    return bool(_YES.match(message))


_GENERIC = re.compile(
    r"(?:절차|방법|순서|과정|안내|설명|정보|내용|기능|메뉴|서비스|관련|문의|질문|도움|문제|오류|스마트스토어(?:센터)?|스마트|네이버|스스|스토어|판매자?|사용|이용"
    r"|어떻게|어떡해|무엇|뭐|뭔|알려|가르쳐|말해|설명해|궁금|싶|주세요|줘요?|주실|해요?|하나요|하는지|되나요|인가요|있나요|있어요|있습니다|있는데요?|나요|났어요"
    r"|부탁|드려요|드립니다|합니다|물어볼|여쭤볼|안?돼요|안되나요|[은는이가을를의에요도한]|예요|죠|좀|것|거|게|수)++"
)
_WORDS = re.compile(r"[가-힣a-z0-9]+", re.IGNORECASE)


def too_vague(message: str) -> bool:
    """Whether nothing is left of a message once words that fit any question are taken away."""
    if len(message) > 30:
        return False
    told = [word for word in _WORDS.findall(message) if not _GENERIC.fullmatch(word)]
    return len("".join(told)) < 2
