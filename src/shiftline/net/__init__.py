"""Sockets: the asyncio drivers of the SIP core."""
