"""The four questions that a node asks of the arbiter: look, take, keep, drop. `core.quorum.arbiter` has the answers.

    async with Arbiter(members, "/failover/demo", cluster_id, "genesis", run) as arbiter:
        seen = await arbiter.look("db", known=None, patience_s=1.0)
        taken = await arbiter.take("db", 8, seen, seconds=2, patience_s=1.0)
        await arbiter.keep("db", 8, taken.lease, seconds=2, known=taken.sight, patience_s=0.5)
        await arbiter.drop(taken.lease, known=taken.sight, patience_s=0.5)

Nothing is raised: what went wrong is a `Refused` by name. A question whose answer was lost may have been carried out. To take
may be repeated, since what stands there already by our own lease is ours; a lease that nobody keeps alive ends by itself.
"""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

from coordinator.arbiter import answers, questions
from coordinator.arbiter.answers import Header, Row
from coordinator.arbiter.gateway import Gateway, Member, Members, NotAnswered, NotDone
from coordinator.arbiter.questions import Keys
from coordinator.core.quorum.arbiter import Dropped, Holding, Kept, Refusal, Refused, Said, Seen, Sight, Taken

T = TypeVar("T")

KEEP_TRIES = 2
"""After an election the member that is asked has a new term: the second try goes by that."""


class Arbiter:
    def __init__(self, members: Members, prefix: str, cluster_id: bytes, me: str, run: bytes) -> None:
        self.gateway = Gateway(members)
        self.prefix, self.cluster_id, self.me, self.run = prefix, cluster_id, me, run

    async def __aenter__(self) -> Self:
        await self.gateway.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.gateway.__aexit__(kind, error, trace)

    async def look(self, service: str, known: Sight | None, patience_s: float) -> Seen | Refused:
        """Both keys of the service. `known`: the newest sight; an answer that lies before it is refused."""
        keys = Keys(self.prefix, service)

        async def asked(member: Member) -> Seen:
            return await self._seen(member, keys, known)

        return await self._answer(patience_s, asked)

    async def take(self, service: str, epoch: int, seen: Seen, seconds: int, patience_s: float) -> Said:
        """A new lease, and both keys put with it where nobody else has done so since `seen`; else what stands there now."""
        keys = Keys(self.prefix, service)
        value = questions.written(self.cluster_id, epoch, self.me, self.run)
        lease = 0

        async def asked(member: Member) -> Said:
            nonlocal lease
            if not lease:  # a second member is told the same lease: the first may have put the keys with it
                lease = await self._granted(member, seconds, seen.sight)
            answer = await member.ask(questions.take(keys, seen.modified, value, lease))
            header, succeeded, rows = member.read(answers.transaction, answer, (keys.holder, keys.epoch))
            sight = _sight(member, header, seen.sight)
            if succeeded and not rows:
                return Taken(sight, lease, epoch)
            found = self._both(member, sight, rows)
            ours = Holding(self.me, self.run, epoch, lease)
            return Taken(sight, lease, epoch) if found.holder == ours and found.epoch == epoch else found

        return await self._answer(patience_s, asked)

    async def keep(self, service: str, epoch: int, lease: int, seconds: int, known: Sight, patience_s: float) -> Said:
        """Keeps the lease alive. It counts only where the leader that did so was still the leader afterwards.

        A leader that has lost the others answers this for up to an election timeout more, and the next one does not know of
        it. So a quorum is asked before and after, of the same member: it has the same term in all three answers only where the
        lease was kept alive by the leader of that term, and a quorum followed that one later (docs/decisions/0083). One that
        knows nothing of the lease, while the key that was put with it is there, has not carried out its grant yet.
        """
        keys, ours = Keys(self.prefix, service), Holding(self.me, self.run, epoch, lease)

        async def asked(member: Member) -> Said:
            for _ in range(KEEP_TRIES):
                before, _ = await self._read(member, keys, known)
                between, name, left = member.read(answers.kept, await member.ask(questions.keep(lease)))
                if between.cluster != before.cluster:
                    raise _gone_back(member, Refusal.OTHER_CLUSTER, Sight(between.cluster, between.revision))
                after, seen = await self._read(member, keys, known)
                if name != lease or (left and left != seconds):
                    raise NotAnswered(Refusal.GARBAGE, f"{member.endpoint} keeps another lease alive than was asked for")
                if seen.holder != ours:
                    what = f"is held by {seen.holder.node}" if seen.holder else "is held by nobody: the lease is over"
                    raise NotAnswered(Refusal.LEASE_LOST, f"{member.endpoint} says that {service} {what}")
                if left and before.term == between.term == after.term:
                    return Kept(seen.sight)
            raise NotAnswered(
                Refusal.LEADER_CHANGED, f"{member.endpoint} elects leaders, and none has kept the lease for certain"
            )

        return await self._answer(patience_s, asked)

    async def drop(self, lease: int, known: Sight, patience_s: float) -> Dropped | Refused:
        """The lease is given back: the holder's key goes with it at once. To be asked for when nothing is up any more."""

        async def asked(member: Member) -> Dropped:
            try:
                answer = await member.ask(questions.drop(lease))
            except NotDone as no:
                if no.failure.name == "not-found":
                    return Dropped(known)
                raise
            return Dropped(_sight(member, member.read(answers.header_of, answer), known))

        return await self._answer(patience_s, asked)

    async def _granted(self, member: Member, seconds: int, known: Sight) -> int:
        header, lease, given = member.read(answers.granted, await member.ask(questions.grant(seconds)))
        _sight(member, header, known)
        if given != seconds:
            what = f"gives no lease of {seconds}s, only one of {given}s: its election timeout asks for that"
            raise NotAnswered(Refusal.LEASE_TOO_SHORT, f'{member.endpoint} {what}. Write lease = "{given}s" or more')
        return lease

    async def _seen(self, member: Member, keys: Keys, known: Sight | None) -> Seen:
        return (await self._read(member, keys, known))[1]

    async def _read(self, member: Member, keys: Keys, known: Sight | None) -> tuple[Header, Seen]:
        answer = await member.ask(questions.read(keys))
        header, _, rows = member.read(answers.transaction, answer, (keys.holder, keys.epoch))
        return header, self._both(member, _sight(member, header, known), rows)

    def _both(self, member: Member, sight: Sight, rows: tuple[Row | None, ...]) -> Seen:
        if len(rows) != 2:
            raise NotAnswered(Refusal.GARBAGE, f"{member.endpoint} answers a read with a put")
        holder, last = (self._holding(member, row) for row in rows)
        if holder is not None and not holder.lease:
            raise NotAnswered(Refusal.GARBAGE, f"{member.endpoint} has a holder without a lease, which no node puts")
        if holder is not None and (last is None or last.epoch < holder.epoch):
            raise NotAnswered(Refusal.GARBAGE, f"{member.endpoint} has a holder above the last epoch, which no node puts")
        return Seen(sight, holder, last.epoch if last else 0, rows[1].modified if rows[1] else 0)

    def _holding(self, member: Member, row: Row | None) -> Holding | None:
        if row is None:
            return None
        try:
            return questions.holding(row.value, self.cluster_id, row.lease)
        except ValueError as error:
            raise NotAnswered(Refusal.GARBAGE, f"{member.endpoint}: {row.key} {error}") from None

    async def _answer(self, patience_s: float, asked: Callable[[Member], Awaitable[T]]) -> T | Refused:
        try:
            return await self.gateway.at_one(patience_s, asked)
        except NotAnswered as refused:
            return Refused(refused.name, refused.text, refused.sight)
        except NotDone as no:
            return Refused(Refusal.FORBIDDEN, f"etcd does not do it: {no}")


def _sight(member: Member, header: Header, known: Sight | None) -> Sight:
    """Raises NotAnswered where it lies before what is known."""
    seen = Sight(header.cluster, header.revision)
    if known is not None and (odd := known.went_back(seen)):
        raise _gone_back(member, odd, seen)
    return seen


def _gone_back(member: Member, name: Refusal, seen: Sight) -> NotAnswered:
    what = "is a member of another cluster" if name is Refusal.OTHER_CLUSTER else f"is back at revision {seen.revision}"
    return NotAnswered(name, f"{member.endpoint} {what}: it was restored, or replaced", seen)
