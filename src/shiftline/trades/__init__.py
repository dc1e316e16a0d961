"""Trades, their rules and their deadlines. Pure: no clock, no I/O."""
