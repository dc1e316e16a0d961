"""The doctor at work: it runs experiments, reads captures and logs, and writes the report."""
