"""The last word of each service's newest claim, signed when the guard is told: when it is to be said, a successor waits.

words = LastWords(signer)
signed = words.signed(word)
"""

from protocol.messages import Domain, LastWord, Signer, Verified


class LastWords:
    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._signed: dict[str, Verified[LastWord]] = {}

    def signed(self, word: LastWord) -> Verified[LastWord]:
        known = self._signed.get(word.service)
        if known is None or known.message != word:
            raw = word.encode()
            known = self._signed[word.service] = Verified(word, raw, self._signer.sign(Domain.LAST_WORD, raw))
        return known
