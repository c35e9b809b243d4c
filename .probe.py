import sys,time
from tools.attack.stage import Stage, NotCalm
from tools.attack import trial, victims
from tools.attack.attacks import ATTACKS
t=time.monotonic()
s=Stage(False)
orig=victims.Victim.power_off
def po(self):
    t=time.time_ns(); r=orig(self); e=time.time_ns(); print(self.name,"guard lookup+kill",(r-t)/1e6,"then until the mark is written",(e-r)/1e6); return r
victims.Victim.power_off=po
try:
    s._thread.start(); s._open()
    print("stage", time.monotonic()-t)
    for w in sys.argv[1:]:
        a=[a for a in ATTACKS if w in a.title][0]
        t=time.monotonic(); r=trial.play(s,a); print(a.title, time.monotonic()-t, r.failover_ms, r.back_ms, r.alarms, r.overlaps)
    t=time.monotonic(); s.victims.audit(); print("audit", time.monotonic()-t)
    t=time.monotonic()
finally:
    for n in s.victims.nodes.values():
        print("=====",n.name); print(n.log.read_text()[-9000:])
    s.__exit__(None,None,None)
print("exit", time.monotonic()-t)
