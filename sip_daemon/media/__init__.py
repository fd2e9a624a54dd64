"""The media worker: RTP and RTCP sockets, and all that happens between them. Knows nothing of SIP."""
