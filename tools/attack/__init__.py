"""`make attack`: two thieves with a stolen node key each play every attack that we know against two honest nodes.

`victims` starts the honest nodes as operators do, `thief` speaks the real link protocol with a stolen key and writes whatever
it likes, `attacks` has one coroutine for each attack, `stage` brings them together, `trial` plays one and measures what it did
to the service, and `table` prints it.
"""
