"""A sound configuration that every test here bends in one place."""

LUKRETIA = "ed25519:hLm9MgVkI6CJYbkdFHFohmEvdxCG3OZafhUmwPhscVM="
GENESIS = "ed25519:y20Fr7ewXUiKzWtVWPooXszKQNxZ0YgzirNkSUpim4I="
UMPIRE = "ed25519:/KYH8wov6pT96/nH6+v/ekxrokJFvyybiNGlrrk8r8c="
AFM = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJH3GfI0srRRzRxfFkGlDJs6WHtSh85zJN+/oeYZwtn9"
EVE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFZaD5VVy09NTga4ERJXhl3M11zHUTWpsQyaROylBBND"

TEXT = f"""\
cluster = "demo"
id      = "00112233445566778899aabbccddeeff"

[timing]
heartbeat = "100ms"
indoubt   = "300ms"
dead      = "500ms"
drift     = "1%"

[nodes.lukretia]
key   = "{LUKRETIA}"
links = {{ lan = "10.77.0.11", direct = "10.78.0.11" }}
[nodes.genesis]
key   = "{GENESIS}"
links = {{ lan = "10.77.0.12", direct = "10.78.0.12:1299" }}
[nodes.umpire]
key     = "{UMPIRE}"
links   = {{ lan = "10.77.0.13" }}
witness = true

[services.web]
nodes        = ["lukretia", "genesis"]
failback     = "10m"
partition    = "serve"
lease        = "500ms"
split_winner = "preference"
on_isolation = "keep"
restarts     = 1
retry        = "1m"
[[services.web.actions]]
address   = "10.77.0.100/24"
interface = "eth0"
[[services.web.actions]]
script  = "/etc/failover/web"
timeout = "20s"
[[services.web.checks]]
tcp   = "127.0.0.1:80"
every = "1s"
fall  = 3
rise  = 2

[operators.afm]
key  = "{AFM} afm@desk"
role = "admin"
[operators.eve]
key  = "{EVE}"
role = "operate"
services = ["web"]

[[traps]]
to        = "netwatcher.example"
version   = "2c"
community = "public"
"""


def bent(old: str, new: str) -> str:
    """The text with one change; the old words must stand there exactly once."""
    assert TEXT.count(old) == 1, f"{old!r} stands there {TEXT.count(old)} times"
    return TEXT.replace(old, new)
