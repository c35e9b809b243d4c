"""Admitting an operator's command: judge the authority, and write it or pass it on.

    admission.arrived(CommandArrived(...))      # the input; one Answer for its ticket
    admission.replied(ReplyArrived(...))        # what another node says that it was passed on to
    admission.look()                            # with every heartbeat: ask again, or give up on a node

Whether it could be obeyed is asked of `commands`, as before it was signed.
"""

from collections.abc import Callable, Mapping

from coordinator.core.commands import EXACT, Commands, Refusal, Wanted, cannot_take
from coordinator.core.context import NOTHING_ELSE, Context, News
from coordinator.core.fences import Fences
from coordinator.core.forwarding import Asker, Passing
from coordinator.core.inputs import CommandArrived, ReplyArrived
from coordinator.state import authorization, ownership
from protocol.commands import WORDS_OF_POWER, Command, SignedCommand
from protocol.event import Ref
from protocol.events import Commanded, Fenced, FencedBy, FenceRequested, FenceResult, Hold, MoveBegun, Readmitted, Unhold


class Admission:
    def __init__(self, context: Context, commands: Commands, passing: Passing, fences: Fences) -> None:
        self.context, self.commands, self.passing, self.fences = context, commands, passing, fences

    def arrived(self, given: CommandArrived) -> News:
        self._admit(given.command, given.ticket, given.source)
        return NOTHING_ELSE

    def replied(self, given: ReplyArrived) -> News:
        self.passing.replied(given.node, given.reply)
        return NOTHING_ELSE

    def look(self) -> None:
        self.passing.look(self.context.now_ms, self.commands.lives)

    def _admit(self, signed: SignedCommand, ticket: int, source: str) -> None:
        """Write the command here, pass it on, or refuse it; one Answer for a ticket, one reply to `source`,
        which passed it on."""
        context = self.context
        command = signed.command
        asker: Asker = (source, command.nonce) if source else ticket
        if source and context.state.orders.obeyed_by(context.me, command.nonce):
            return self._said_again(asker)
        refused = self._may(command)
        if refused:
            return self._refuse(asker, refused)
        others = tuple(act.node for act in command.acts if act.node != context.me and self.commands.lives(act.node))
        if not source and others:
            asker = (context.me, command.nonce)
            here = (context.me,) if self._acts_here(command) else ()
            self.passing.begin(signed, ticket, (*here, *others), context.now_ms)
        if self._acts_here(command):
            self._write(signed, asker)
        elif source:
            self._refuse(asker, Refusal(f"it is for {authorization.named(command)}, and came to {context.me}"))

    def _refuse(self, asker: Asker, refused: Refusal) -> None:
        self.passing.tell(asker, False, refused.text, refused.authority)

    def _said_again(self, asker: Asker) -> None:
        """It was obeyed here, and is asked again since no answer came: unless its event is on its way to the disk."""
        if asker not in self.passing.asked.values():
            self.passing.tell(asker, True, "it stands in the log already")

    def _acts_here(self, command: Command) -> bool:
        return command.names(self.context.me, self.context.writer.incarnation)

    def _may(self, command: Command) -> Refusal | None:
        refused = self.commands.ready() or self._denied(command) or self.commands.known(_wanted(command))
        return refused or self._meant(command) or self._stale(command) or self._refusing_disk(command)

    def _denied(self, command: Command) -> Refusal | None:
        context = self.context
        if context.state.orders.obeyed_by(context.me, command.nonce):
            return Refusal(authorization.REPLAYED, authority=False)
        denied = authorization.permitted_by_both(context.policy, ownership.ruling(context.state, context.policy), command)
        return Refusal(denied.text, authority=False) if denied else None

    def _meant(self, command: Command) -> Refusal | None:
        """By this release, for this incarnation of ours or for others that can act."""
        context = self.context
        if command.format == 1:
            return Refusal("it names no node that acts: sign it with the failc of this release")
        mine = next((act for act in command.acts if act.node == context.me), None)
        if mine and mine.incarnation != context.writer.incarnation:
            return Refusal(f"old-epoch: {context.me} has begun its log anew since it was signed: sign it anew")
        strangers = [act.node for act in command.acts if act.node not in context.policy.nodes]
        if strangers:
            return Refusal(f"no node {strangers[0]}: there are {', '.join(context.policy.nodes)}")
        dead = [act.node for act in command.acts if not self.commands.lives(act.node)]
        if len(dead) == len(command.acts):
            return Refusal(
                f"{dead[0]} is dead, and cannot act: give the command again when it is back, or name a node that lives"
            )
        return None

    def _stale(self, command: Command) -> Refusal | None:
        """Whether what it was signed for has changed. Each named node says so itself: the node that passes it on may
        know less."""
        if not self._acts_here(command):
            return None
        if command.is_word_of_an_end:
            return self._other_claim(command)
        if command.word in WORDS_OF_POWER:
            return self._other_run(command)
        moves = command.word == "move"
        known = self.commands.move_epoch(_wanted(command)) if moves else ownership.epoch(self.context.state, command.service)
        if command.epoch != known and (command.epoch or command.word in EXACT):
            return Refusal(f"old-epoch: the command is for epoch {command.epoch}, {command.service} is at {known}")
        return None

    def _other_claim(self, command: Command) -> Refusal | None:
        theirs = self.context.state.column(command.node).service(command.service)
        known = (theirs.run, theirs.epoch) if theirs.run else (b"", 0)
        if known == (command.run, command.epoch):
            return None
        return Refusal(f"old-epoch: it is about epoch {command.epoch} of {command.node}, which is at {theirs.epoch} here")

    def _other_run(self, command: Command) -> Refusal | None:
        known = self.context.state.column(command.node).run
        return None if command.run == known else Refusal(f"old-epoch: {command.node} has started anew since it was signed")

    def _refusing_disk(self, command: Command) -> Refusal | None:
        context = self.context
        if not context.disk_refuses or command.word == "fail" or not self._acts_here(command):
            return None
        return Refusal(f"{context.me}'s disk refuses to write, and a command must stand in the log: make space there")

    # --- it is written here ---------------------------------------------------------------------------------------

    def _write(self, signed: SignedCommand, asker: Asker) -> None:
        """The command and what follows from it at once, in one step: the decide table does the rest."""
        command = signed.command
        refused = self._not_now(command)
        if refused:
            return self._refuse(asker, refused)
        body = Commanded(command=signed.raw, signature=signed.signature, target=command.node)
        entry = self.context.write(command.service, body, ())
        self.passing.wait_for(entry.ref, asker)
        follows = FOLLOWS.get(command.word)
        if follows:
            follows(self, command, entry.ref)

    def _not_now(self, command: Command) -> Refusal | None:
        """What would make it futile here and now: asked by the node that acts."""
        context = self.context
        wanted = _wanted(command)
        if command.word == "move":
            return self._held(wanted) or self._unmoved(wanted) or self._absent_target(wanted)
        if command.word in WORDS_OF_POWER and self.fences.is_open(command.node):
            return Refusal(f"{command.node} is being fenced at this moment: wait for what becomes of it")
        if command.word == "reclaim" and self.commands.owner(wanted.service) != context.me:
            return Refusal(f"old-epoch: {context.me} does not hold {wanted.service} any more: sign it anew")
        return None

    def _held(self, wanted: Wanted) -> Refusal | None:
        held = ownership.held_back(self.context.state, wanted.service)
        return Refusal(f"{wanted.service} is on hold: unhold it first") if held else None

    def _unmoved(self, wanted: Wanted) -> Refusal | None:
        """The holder begins the move; where no node holds the service, the target does."""
        context = self.context
        owner = self.commands.owner(wanted.service)
        if owner == wanted.node == context.me:
            return None
        if context.me == (owner or wanted.node):
            return self.commands.unfit_target(wanted)
        return Refusal(f"old-epoch: {owner or 'no node'} holds {wanted.service} now: sign it anew")

    def _absent_target(self, wanted: Wanted) -> Refusal | None:
        """Asked by the node that acts: its successor must be able to take it, and decides nothing without the newest events."""
        current = wanted.node == self.context.me or self.commands.question(wanted.service).given.peers[wanted.node].current
        return cannot_take(wanted, "" if current else "its newest events are not here yet")

    # --- what follows, word for word as it was signed -------------------------------------------------------------

    def _fenced(self, command: Command, ref: Ref) -> None:
        if command.run:  # else nothing that it ever held is known, and there is nothing to end
            self.context.write(command.service, Fenced(node=command.node, epoch=command.epoch, run=command.run), (ref,))

    def _moved(self, command: Command, ref: Ref) -> None:
        body = MoveBegun(target=command.node, epoch=command.epoch, for_ms=command.for_ms)
        self.context.write(command.service, body, (ref,))

    def _held_back(self, command: Command, ref: Ref) -> None:
        self.context.write(command.service, Hold(), (ref,))

    def _freed(self, command: Command, ref: Ref) -> None:
        self.context.write(command.service, Unhold(ends=command.ends), (ref,))

    def _readmitted(self, command: Command, ref: Ref) -> None:
        self.context.write("", Readmitted(node=command.node), (ref,))

    def _fence(self, command: Command, ref: Ref) -> None:
        self.fences.begin(FenceRequested(node=command.node, run=command.run, by=FencedBy.COMMAND), "", (ref,))

    def _is_off(self, command: Command, ref: Ref) -> None:
        self.context.write("", FenceResult(node=command.node, run=command.run, ok=True, by=FencedBy.WORD), (ref,))


def _wanted(command: Command) -> Wanted:
    return Wanted(command.word, command.service, command.node, command.digest)


FOLLOWS: Mapping[str, Callable[[Admission, Command, Ref], None]] = {
    "fail": Admission._fenced,
    "move": Admission._moved,
    "hold": Admission._held_back,
    "unhold": Admission._freed,
    "readmit": Admission._readmitted,
    "fence": Admission._fence,
    "is-off": Admission._is_off,
}
