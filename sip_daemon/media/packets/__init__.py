"""What travels in datagrams: RTP, RTCP, telephone-events. Bytes to values and back; no socket, no clock."""
