"""Which of the slides' words are news when a service's state changes here. Pure.

    words("UP", "RECOVER")      # ("down", "recover")

| the state was         | and is now      | told                    |
|-----------------------|-----------------|-------------------------|
| anything but RECLAIM  | UP              | up                      |
| held                  | RECOVER or FAIL | down, then recover/fail |
| not held, or unknown  | RECOVER or FAIL | recover/fail            |
| anything              | STARTING, STOPPING, RECLAIM | nothing: the orders start, stop and reclaim say it |
"""

HELD = frozenset({"STARTING", "UP", "RECLAIM", "STOPPING"})
AT_REST = {"RECOVER": "recover", "FAIL": "fail"}


def words(was: str, now: str) -> tuple[str, ...]:
    """`was` is empty where nothing is known yet."""
    if was == now:
        return ()
    if now == "UP":
        return () if was == "RECLAIM" else ("up",)
    if now in AT_REST:
        return ("down", AT_REST[now]) if was in HELD else (AT_REST[now],)
    return ()
