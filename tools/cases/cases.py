"""All case studies, in the order in which they are played."""

from tools.cases.web import WEB

CASES = (WEB,)
