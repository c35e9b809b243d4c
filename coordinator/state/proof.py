"""Signatures inside events, checked again by every reader: what another node is said to have signed.

word = last_word(state, raw, signature)         # a LastWord, or why it does not count
"""

from functools import lru_cache

from coordinator.state.model import State
from protocol.canonical import NotCanonical
from protocol.events import ForkSeen
from protocol.forks import disputed, run_of, runs_of
from protocol.keys import NodeKeyring, UnusableKey
from protocol.messages import Domain, Keyring, LastWord
from protocol.refusals import Refused


def last_word(state: State, raw: bytes, signature: bytes) -> LastWord | str:
    """The word that its speaker has signed; else why it proves nothing."""
    word = _word(raw)
    if isinstance(word, str):
        return word
    unsigned = unproved(state, word.node, Domain.LAST_WORD, raw, signature)
    return f"a last word that {word.node} did not say: {unsigned}" if unsigned else word


@lru_cache(maxsize=256)
def _word(raw: bytes) -> LastWord | str:
    """A word is read by every fold of its event, in each twice."""
    try:
        return LastWord.decode(raw)
    except NotCanonical as error:
        return f"not a last word: {error}"


def fork(state: State, body: ForkSeen, whole: bytes = b"") -> str | None:
    """None where both sides are there and the named node has signed both; else why this proves nothing. `whole`: what stood in
    pieces before it, where it names their digest."""
    ours, theirs = runs_of(whole) if body.digest else (run_of(body.ours), run_of(body.theirs))
    if not ours or not theirs or not disputed(ours, theirs):
        return "no two branches of one feed that dispute an event"
    if tuple(ours[0].ref) != (body.node, body.incarnation, body.number):
        return f"the events are called {ours[0].ref}, and {body.node} {body.incarnation}/{body.number} is named"
    for side in (ours, theirs):
        unsigned = unproved(state, body.node, Domain.EVENT, side[-1].id, side[-1].signature or b"")
        if unsigned:
            return f"an event that {body.node} did not write: {unsigned}"
    return None


def unproved(state: State, node: str, domain: Domain, raw: bytes, signature: bytes) -> str | None:
    """None where the node has signed this, by a key that a configuration which counts gives it; else why not."""
    if state.trust.keyring is not None:
        return _refusal(state.trust.keyring, node, domain, raw, signature)
    why = f"no configuration that counts names a node {node}"
    for key in sorted({policy.nodes[node].key for policy in state.policies.values() if node in policy.nodes}):
        refused = _checked(node, key, domain, raw, signature)
        if refused is None:
            return None
        why = refused
    return why


@lru_cache(maxsize=256)
def _checked(node: str, key: bytes, domain: Domain, raw: bytes, signature: bytes) -> str | None:
    """An event is read by the fold more than once: when it comes, and when the disk refused what stood behind it."""
    try:
        return _refusal(_keyring(node, key), node, domain, raw, signature)
    except UnusableKey as error:
        return str(error)


@lru_cache(maxsize=64)
def _keyring(node: str, key: bytes) -> NodeKeyring:
    return NodeKeyring({node: key})


def _refusal(keyring: Keyring, node: str, domain: Domain, raw: bytes, signature: bytes) -> str | None:
    try:
        keyring.verify(node, domain, raw, signature)
    except Refused as refused:
        return refused.text
    return None
