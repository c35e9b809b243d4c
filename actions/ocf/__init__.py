"""Resource agents as Pacemaker runs them: programs of /usr/lib/ocf that know start, stop, monitor and meta-data.

`agent` says where they are, what they are told, and what their exit codes mean; `metadata` reads what they say of themselves.
"""
