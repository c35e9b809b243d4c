"""The world in virtual time: nodes run the production core, everything around them is drawn from one seed.

    world = World(policy, seed=7)
    world.start("lukretia")
    world.run_until(5_000)              # virtual milliseconds
    world.owners("web")                 # who has it, whatever any node believes

A failover that takes a minute takes milliseconds here, and the same seed gives the same run byte for byte.
`script` and `runner` play scenario files (`failc simulate`), `random_main` draws accidents. docs/simulator.md.
"""
