"""How the programs of GoSIP are run: the configuration of supervisor and nginx, start, stop and the watchdog.

supervisor is the only process manager; nothing here keeps a process alive by itself.
"""
