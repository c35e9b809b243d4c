"""One node: what decides, what performs it, and the process around both.

decides     state (the fold)  decision (the table)  core (one node in time)
performs    shell (knows the world by its ports)  transport  services  guarding
for people  config  control  alarms
starts it   daemon
"""
