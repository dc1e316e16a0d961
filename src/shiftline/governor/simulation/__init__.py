"""Governors and their rivals against limiters, in virtual time: no socket, no wait."""
