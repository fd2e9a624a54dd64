"""Legs: the RTP endpoints of this worker. The only place with RTP sockets."""
