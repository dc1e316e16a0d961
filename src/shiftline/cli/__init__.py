"""The command line: one thin module per verb. Exit codes: 0 fine, 1 found a fault or failed, 2 usage.

A verb imports what it works with when it runs: every command pays for all verbs' imports, and the
database's alone take most of a second.
"""
