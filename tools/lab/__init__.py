"""The laboratory: real nodes on one machine, each in its own network and process namespace.

A `Lab` has two switches (`lan`, `direct`), nodes that are plugged into both, a client and a bystander on the lan. Nodes
run the real `faild`; accidents are real too: cables, ports, signals, power. Nothing has a name outside: namespaces live
as long as their processes, and those end with the program that made the lab, however it ends.

    with Lab(("lukretia", "genesis")) as lab:
        lab.init()
        lab.start("lukretia", "genesis")
        lab.wait_until(lambda: lab.owner("genesis") == "lukretia", "lukretia owns it")
        lab.power_off("lukretia")
"""
