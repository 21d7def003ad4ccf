"""What of a message is ours to answer, decided on the scope gate's probabilities in their context."""

from collections.abc import Sequence

from faqchat.catalogue import Catalogue
from faqchat.retriever import Found
from faqchat.scope import ScopeGate
from faqchat.understanding import Understanding

FOREIGN_PART = "함께 물어보신 다른 내용은 스마트스토어 FAQ에 없어 답변드리지 못하는 점 양해 부탁드립니다."

# Below this a message that does not lean on the past is out of scope whatever came before: "오늘 날씨 어때?" after a
# question about delivery is still about the weather.
MAY_CONTINUE = 0.35
# A few words say too little to be foreign by themselves: "몇 개까지요?"
FEW_WORDS, MAY_CONTINUE_BRIEFLY = 16, 0.05  # characters
# Who names SmartStore means it: "스마트스토어 회원가입 방법은?" could else be about any shop.
NAMED = 0.5  # of the threshold
# Of a message with several requests, some are answered and others not only where both are beyond doubt.
PLAINLY_OURS, PLAINLY_FOREIGN = 0.7, 0.03


class Guardrail:
    """Decides by one threshold, the setting `scope_threshold`."""

    def __init__(self, gate: ScopeGate, threshold: float) -> None:
        self._gate = gate
        self._threshold = threshold

    def allows(self, meant: Understanding, found: Found, catalogue: Catalogue) -> bool:
        """Whether a message is SmartStore's: alone, or as the continuation that it can be taken for.

        By the seller's own words only: what was found by the name or a rewrite comes behind them and is not heard.
        """
        if not found.hits:
            return False
        alone, *continued = (
            self._gate.probability(query.text, said, catalogue)
            for query, said in zip(meant.queries, found.channels, strict=False)
        )
        if alone >= self._threshold * (NAMED if meant.named else 1):
            return True
        enough = MAY_CONTINUE_BRIEFLY if len(meant.alone) <= FEW_WORDS else MAY_CONTINUE
        return (meant.leans or alone >= enough) and max(continued, default=0.0) >= self._threshold

    def ours(self, parts: Sequence[str], found: Found, catalogue: Catalogue) -> list[str]:
        """The parts that are SmartStore's, where others plainly are not; all of them where that is in doubt."""
        likely = [
            self._gate.probability(part, said, catalogue) for part, said in zip(parts, found.channels, strict=True)
        ]
        if max(likely) < PLAINLY_OURS:
            return list(parts)
        return [part for part, probability in zip(parts, likely, strict=True) if probability > PLAINLY_FOREIGN]
