"""The practice org: a local stand-in for a Genesys Cloud organisation (facts/genesys.md section 10).

`organisation` is a pure model: no I/O, and time is passed in. Around it stand the HTTP routes, jobs,
OAuth clients, limits and faults, and `server` puts them on a socket.
"""
