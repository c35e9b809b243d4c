#!/bin/sh
# Makes or refreshes .venv in the project's folder: `venv.sh` for what runs, `venv.sh dev` for the tools of tests as well.
# uv where there is one, else venv and pip. Every way to fail ends in one sentence that says what to do.
set -eu
cd "$(dirname "$0")/.."
group=${1:-}

say() { printf '%s\n' "$*" >&2; }
stop() { say "install: $*"; exit 2; }

recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    for candidate in "${PYTHON:-python3}" python3 python3.14 python3.13 python3.12 python3.11; do
        if recent "$candidate"; then printf '%s' "$candidate"; return; fi
    done
    stop "Python 3.11 or newer is needed, and none was found; install one, or name it: make PYTHON=/path/to/python3.12"
}

with_uv() {
    recent .venv/bin/python || uv venv --quiet --python '>=3.11' .venv || stop "uv could not make .venv (its words are above)"
    say "install: packages into .venv with uv ..."
    uv pip install --quiet --compile-bytecode --python .venv/bin/python --editable . ${group:+--group "$group"} \
        || stop "uv could not install (its words are above); is there a way to the package index?"
}

with_pip() {
    python=$(find_python) || exit 2
    if ! recent .venv/bin/python; then
        say "install: a private environment in .venv ..."
        "$python" -c 'import ensurepip' 2>/dev/null \
            || stop "$python has no venv; install it (Debian, Ubuntu: apt install python3-venv) and run this again"
        "$python" -m venv .venv || stop "$python could not make .venv (its words are above)"
    fi
    pip="env PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip -qq"
    if [ -n "$group" ] && ! .venv/bin/python -m pip install --help | grep -q -- '--group'; then
        say "install: a pip that knows dependency groups ..."
        $pip install --upgrade 'pip>=25.1' || stop "pip could not renew itself (its words are above); is there a way to the package index?"
    fi
    say "install: packages into .venv, about half a minute ..."
    $pip install --editable . ${group:+--group "$group"} \
        || stop "pip could not install (its words are above); is there a way to the package index?"
}

if command -v uv >/dev/null 2>&1; then with_uv; else with_pip; fi
# Ours is used where it lies, and where no bytecode is written beside it every start would compile all of it.
.venv/bin/python -m compileall -q protocol store actions coordinator tools || stop "the code could not be compiled (see above)"
touch .venv/.installed
[ -z "$group" ] || touch ".venv/.$group"
say "install: done; the commands are .venv/bin/faild, failc and failaudit"
