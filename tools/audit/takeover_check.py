"""Whether a takeover certificate proves what it says: by the keys and voters of a configuration, and without any log.

    verdict = checked(takeover, policy)
    verdict.ok, verdict.voters, verdict.objections

It proves that a majority of these voters has voted for this claim; docs/leases.md says what follows. A vote that is not good
for this claim counts for nothing, and is an objection even where enough are left.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from coordinator.core.ballots import FIRST_VOTERS, MAJORITY
from coordinator.core.quorum.arithmetic import Voters
from coordinator.policy import Policy
from protocol.domains import Domain
from protocol.keys import NodeKeyring
from protocol.refusals import Refused
from protocol.takeover import Given, Proof, Takeover, votes_in


class Fault(StrEnum):
    """What can be wrong with a certificate (design.md section 12)."""

    DUPLICATE = "duplicate"
    """A voter stands there more than once."""
    TOO_FEW = "too-few"
    """The votes that count are no majority."""
    STRANGER = "stranger"
    """Its author has no say here: it is no voter, or no candidate."""
    SIGNATURE = "signature"
    """It is not signed by its author as it stands there."""
    EPOCH = "epoch"
    """It is about something else: another epoch, service, candidate, cluster or set of voters, or not named by the claim."""


class Objection(NamedTuple):
    fault: Fault
    text: str


class Verdict(NamedTuple):
    takeover: Takeover
    voters: tuple[str, ...]
    """Those whose votes count."""
    of: int
    """How many voters the configuration has."""
    objections: tuple[Objection, ...]

    @property
    def ok(self) -> bool:
        return not self.objections

    def as_json(self) -> dict[str, Any]:
        """The fields of design.md section 12."""
        return {
            "ok": self.ok,
            "service": self.takeover.service,
            "epoch": self.takeover.claimed.epoch,
            "node": self.takeover.node,
            "votes": list(self.voters),
            "findings": [{"kind": str(objection.fault), "text": objection.text} for objection in self.objections],
        }


def checked(takeover: Takeover, policy: Policy) -> Verdict:
    keyring = NodeKeyring({name: node.key for name, node in policy.nodes.items()})
    objections = list(_against_claim(takeover, policy, keyring))
    counted: dict[str, Given] = {}
    for vote in takeover.votes:
        node = vote.event.node
        wrong = _against_vote(takeover, vote, policy, keyring)
        if wrong is None and node in counted:
            wrong = Objection(Fault.DUPLICATE, f"{vote.ref}: {node} stands there twice, and counts once")
        if wrong is not None:
            objections.append(wrong)
        else:
            counted[node] = _given(takeover, vote)[0]
    objections += _together(counted, policy)
    return Verdict(takeover, tuple(sorted(counted)), len(policy.voters), tuple(objections))


def _against_claim(takeover: Takeover, policy: Policy, keyring: NodeKeyring) -> Iterator[Objection]:
    claim, service = takeover.claim, policy.services.get(takeover.service)
    what = f"the claim {claim.ref}"
    if claim.event.cluster != policy.cluster_id:
        yield Objection(Fault.EPOCH, f"{what} is of another cluster than {policy.cluster}")
    if service is None or service.partition != MAJORITY:
        named = f"its partition is {service.partition}" if service else "it is not in the configuration"
        yield Objection(Fault.STRANGER, f"{takeover.service} is not owned by votes: {named}")
    elif takeover.node not in service.nodes:
        yield Objection(Fault.STRANGER, f"{what} is by {takeover.node}, which is no candidate of {takeover.service}")
    if takeover.node in policy.nodes and (wrong := _unsigned(claim, keyring)):
        yield Objection(Fault.SIGNATURE, f"{what} {wrong}")


def _against_vote(takeover: Takeover, vote: Proof, policy: Policy, keyring: NodeKeyring) -> Objection | None:
    """The first thing that is wrong with it. What a stranger has signed is not looked at."""
    if vote.event.node not in policy.voters:
        return Objection(Fault.STRANGER, f"the vote {vote.ref} is by {vote.event.node}, which is no voter of {policy.cluster}")
    if wrong := _unsigned(vote, keyring):
        return Objection(Fault.SIGNATURE, f"the vote {vote.ref} {wrong}")
    if wrong := _about_another(takeover, vote):
        return Objection(Fault.EPOCH, f"the vote {vote.ref} {wrong}")
    return None


def _unsigned(proof: Proof, keyring: NodeKeyring) -> str:
    """Why it is not proved that its author has signed it; empty where it is."""
    if not proof.is_chain:
        return "is not covered by the signature behind it: the events between do not follow one another"
    last = proof.run[-1]
    try:
        keyring.verify(last.event.node, Domain.EVENT, last.id, last.signature or b"")
    except Refused as refused:
        return f"is not signed as it stands here: {refused.text}"
    return ""


def _about_another(takeover: Takeover, vote: Proof) -> str:
    claim = takeover.claim
    if vote.event.cluster != claim.event.cluster:
        return "is of another cluster than the claim"
    if not _given(takeover, vote):
        return f"is {_about(vote)}, and not for {takeover.node} under epoch {takeover.claimed.epoch} of {takeover.service}"
    if vote.ref not in claim.event.causes:
        return "is not among those that the claim names"
    return ""


def _given(takeover: Takeover, vote: Proof) -> list[Given]:
    """The vote for this claim, where it is one."""
    about = (takeover.node, takeover.claimed.epoch)
    return [given for given in votes_in(vote.event, takeover.service) if (given.candidate, given.epoch) == about]


def _about(vote: Proof) -> str:
    given = votes_in(vote.event, vote.event.service)
    return f"for {given[0].candidate} under epoch {given[0].epoch} of {vote.event.service}" if given else "for other claims"


def _together(counted: dict[str, Given], policy: Policy) -> Iterator[Objection]:
    voters = Voters(FIRST_VOTERS, policy.voters)
    if len({given.voters for given in counted.values()}) > 1:
        sets = ", ".join(f"{node} by set {given.voters}" for node, given in sorted(counted.items()))
        yield Objection(Fault.EPOCH, f"the votes count by different sets of voters: {sets}")
    if not voters.has_majority(counted):
        have = f"{len(counted)} of {len(voters.names)} voters" if counted else "no voter"
        yield Objection(Fault.TOO_FEW, f"the claim has the votes of {have}, and {voters.needed} are a majority")
