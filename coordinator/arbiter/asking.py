"""What `core.quorum.arbitration` asks, put to a real etcd.

answer = await ask(arbiter, question)       # within the question's patience; never raises for what etcd does
"""

from typing import assert_never

from coordinator.arbiter.client import Arbiter
from coordinator.core.quorum.arbiter import Said
from coordinator.core.quorum.arbitration import Drop, Keep, Look, Question, Take


async def ask(arbiter: Arbiter, question: Question) -> Said:
    service, patience_s = question.service, question.patience_ms / 1000
    match question.what:
        case Look(known):
            return await arbiter.look(service, known, patience_s)
        case Take(epoch, seen, seconds):
            return await arbiter.take(service, epoch, seen, seconds, patience_s)
        case Keep(epoch, lease, seconds, known):
            return await arbiter.keep(service, epoch, lease, seconds, known, patience_s)
        case Drop(lease, known):
            return await arbiter.drop(lease, known, patience_s)
        case _:
            assert_never(question.what)
