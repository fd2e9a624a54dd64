"""The SIP side of GoSIP: from datagrams and streams up to calls between people."""
