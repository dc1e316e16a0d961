"""The bodies of the event packages that tell of an agent: XML in, values out, no I/O and bounded work."""
