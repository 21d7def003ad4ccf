"""Greetings, thanks and questions about the bot itself: answered as such, never searched."""

import re

GREETING = (
    "안녕하세요! 네이버 스마트스토어 판매자님의 궁금한 점을 FAQ에서 찾아 답해 드리는 챗봇입니다.\n"
    "가입, 상품 등록, 배송, 정산처럼 알고 싶은 내용을 편하게 물어보세요."
)
THANKS = "도움이 되었다니 기쁩니다. 더 궁금한 점이 있으면 언제든지 물어보세요."
ABILITIES = (
    "스마트스토어 FAQ를 바탕으로 판매자님의 질문에 답해 드립니다.\n"
    "· 가입과 심사, 필요한 서류\n"
    "· 상품 등록과 노출, 주문·배송·반품 처리\n"
    "· 정산과 수수료, 마케팅 기능\n"
    '예를 들어 "정산은 언제 되나요?"처럼 물어보시면 됩니다.'
)

_FILLER = r"(?:[\s~!?.,^;:)(ㅎㅋㅠㅜ♡☆]|네+|넵|넹|아|오|음|정말|너무|다들|여러분|챗봇|상담원|님)*"
_HELLO = (
    r"(?:안녕(?:하(?:세요|십니까|신가요)|히)?|하이(?:요|루)?|헬로우?|ㅎㅇ|반갑(?:습니다|네요|다)|반가(?:워요?|와요?)"
    r"|(?:좋은|굿)\s*(?:아침|저녁|하루|오후|밤|모닝)(?:이에요|입니다|이네요|이요|되세요)?"
    r"|처음\s*뵙겠습니다|계세요|계신가요|저기요|여보세요|hi|hello|hey|good\s*(?:morning|evening|afternoon))"
)
_THANK = (
    r"(?:(?:많은\s*)?도움(?:이|을)?\s*(?:많이\s*)?(?:됐|되었|받았)[가-힣]*|감사(?:합니다|해요|드려요|드립니다)?|고마(?:워요?|웠어요|습니다)"
    r"|고맙(?:습니다|네요)|땡큐|ㄱㅅ|수고(?:하세요|하셨습니다|하셨어요|많으셨어요)?|잘\s*(?:알|이해했)[가-힣]*|알겠(?:습니다|어요)|이해했(?:습니다|어요)"
    r"|친절(?:하시네요|하네요)|잘\s*있어요?|또\s*올게요?|bye|thanks?(?:\s*you)?|thank\s*you)"
)
_ABILITY = re.compile(
    r"(?:뭐|뭘|무엇|무슨|어떤\s*(?:것|걸|거|일|질문|도움|내용)).{0,12}(?:할\s*수\s*있|도와|물어|질문|해\s*줄|답(?:해|변)|알려\s*줄)"
    r"|(?:너|넌|당신|챗봇)[은는이]?\s*(?:누구|뭐|정체)|자기\s*소개|(?:챗봇|너).{0,8}(?:사용법|쓰는\s*법|어떻게\s*(?:써|쓰|사용))"
    r"|(?:사용법|이용\s*방법|쓰는\s*법).{0,8}(?:알려|설명).{0,40}(?:뭐부터|무엇부터|물어)|상담\s*(?:가능|되나|돼요|할\s*수)",
)
_GREETING = re.compile(f"^{_FILLER}(?:{_HELLO}{_FILLER})+$", re.IGNORECASE)
_THANKS = re.compile(f"^{_FILLER}(?:(?:{_THANK}|{_HELLO}){_FILLER})+$", re.IGNORECASE)
_OPENING = re.compile(f"^{_FILLER}{_HELLO}{_FILLER}", re.IGNORECASE)
_YES = re.compile(
    r"^[\s~!.,]*(?:네+|넵|넹|예|응+|ㅇㅇ|어|좋아요?|그래요?|그럼요|yes|ok|오케이)?[\s~!.,]*"
    r"(?:(?:그것도\s*)?(?:안내|알려|설명|부탁|말씀)(?:해)?\s*(?:주세요|줘요?|주실래요|드려요|드립니다|해요|해주세요|해줘요?)|궁금(?:해요|합니다)|부탁(?:드려요|드립니다|해요))?[\s~!.,]*$",
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
    return bool(message.strip()) and bool(_YES.match(message))


_GENERIC = re.compile(
    r"절차|방법|순서|과정|안내|설명|정보|내용|기능|메뉴|서비스|관련|문의|질문|도움|문제|오류|스마트\s*스토어(?:센터)?|네이버|스스|스토어|판매자?|사용|이용"
    r"|어떻게|어떡해|무엇|뭐|뭔|알려|가르쳐|말해|설명해|궁금|싶|주세요|줘요?|주실|해요?|하나요|하는지|되나요|인가요|있나요|부탁|드려요|합니다|좀|것|거|게|수"
    r"|[은는이가을를의에요도]|\W"
)


def too_vague(message: str) -> bool:
    """Whether nothing is left of a message once words that fit any question are taken away."""
    return len(message) <= 30 and len(_GENERIC.sub("", message)) < 2
