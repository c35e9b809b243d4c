"""One GET over a connection of its own: prints the first line of the answer, or why there is none (exit 1).

    python -m tools.cases.get URL [OWN-ADDRESS]
"""

import http.client
import sys
from urllib.parse import urlsplit


def main(url: str, own: str = "") -> int:
    it = urlsplit(url)
    source = (own, 0) if own else None
    connection = http.client.HTTPConnection(str(it.hostname), it.port or 80, timeout=2, source_address=source)
    try:
        connection.request("GET", it.path or "/")
        print(connection.getresponse().read().decode().splitlines()[0])
    except (OSError, http.client.HTTPException, IndexError) as error:
        print(f"no answer: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
