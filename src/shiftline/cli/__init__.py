"""The command line: one thin module per verb. Exit codes: 0 fine, 1 found a fault or failed, 2 usage."""
