"""The exit codes of design.md section 12, and the error that carries one."""

import click

DONE, NO, USAGE, UNREACHABLE, REFUSED = 0, 1, 2, 3, 4


class Trouble(click.ClickException):
    """One line for people: what, where, what to do. `exit_code` says which kind it is."""

    def __init__(self, text: str, code: int):
        super().__init__(text)
        self.code = code
