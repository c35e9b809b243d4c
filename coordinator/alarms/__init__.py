"""Alarms: what a person should look at, each with a stable name, since when it stands, and a page in docs/alarms.

Three ways to an alarm, all of which end on one board (`coordinator.alarms.board`):

    context.emit(Alarm(AlarmName.QUOTA, "genesis writes 40 MB a minute: ...", node="genesis"))  # from a part of the core
    context.emit(AlarmOver(AlarmName.QUOTA, node="genesis"))
    board.begin(AlarmName.LOOP_LATE, "the loop stood still for 212 ms: ...")                    # from the daemon
    board.end(AlarmName.LOOP_LATE)
    yield Condition(AlarmName.STUCK, "...", service="web", node="lukretia")                     # coordinator.alarms.conditions

The last way is for what can be seen in the state at any time: it is an alarm as long as it is seen, and needs no end. It is a
function in `conditions.py` and its name in one of the two tables at the end of that file. In the running daemon the board is
`coordinator.daemon.alarming`, and `coordinator.daemon.notices` begins what the daemon itself sees. Name,
service and node say which alarm it is: to begin one that stands changes its text, and neither its `since` nor its number.
A new name goes into `names.py`, in the order of gravity, and gets a page `docs/alarms/NAME.md` and a row in the list there; a
test compares them.
"""
