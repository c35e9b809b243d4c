"""`python -m tests.transcripts --write [STORY]...`: plays the stories, and writes what comes out below their lines.

Without `--write` it shows what has changed. Exit: 0 nothing has changed, or it was written; 1 something has.
"""

import difflib
import sys

from tests.transcripts.language import BadStory, played, stories


def main(words: list[str]) -> int:
    write, names = "--write" in words, [word for word in words if not word.startswith("-")]
    changed = 0
    for path in stories():
        if names and path.stem not in names:
            continue
        try:
            before, after = path.read_text(), played(path)
        except BadStory as error:
            print(error, file=sys.stderr)
            changed += 1
            continue
        if before == after:
            continue
        changed += 1
        if write:
            path.write_text(after)
            print(f"{path.name}: written")
        else:
            sys.stdout.writelines(difflib.unified_diff(before.splitlines(True), after.splitlines(True), path.name, "now", n=2))
    print(f"{changed} of {len(names) or len(stories())} transcripts {'written' if write else 'have changed'}")
    return 0 if write or not changed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
