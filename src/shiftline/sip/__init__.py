"""SIP without I/O: messages, digest, transactions and an agent, fed with time and datagrams by a driver."""
