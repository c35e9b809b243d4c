"""The process `faild`: it starts everything, and gives the shell (`coordinator.shell`) its real ports. Nothing here decides."""
