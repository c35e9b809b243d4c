"""What the core orders for a service, done on this machine: actions in their queues, checks, hooks, and held addresses kept."""
