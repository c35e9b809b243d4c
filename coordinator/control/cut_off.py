"""What the file means for a service whose nodes are cut off from each other: said before it happens, not after.

    cut_off(policy, policy.services["web"])     # a sentence without its subject; empty where one owner at most is enforced
"""

from coordinator.policy import Policy, ServicePolicy

EACH_SIDE = 'has an owner on each side while its nodes cannot reach each other (partition = "serve")'


def cut_off(policy: Policy, service: ServicePolicy) -> str:
    """Under `serve` the other side is taken for dead and taken over from, unless it is fenced before that."""
    if service.partition != "serve" or len(service.nodes) < 2:
        return ""
    fenced = service.fence and all(policy.nodes[node].fence for node in service.nodes if node in policy.nodes)
    return "" if fenced else EACH_SIDE
