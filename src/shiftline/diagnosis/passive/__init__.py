"""From records of others' traffic to evidence: which comparisons they happen to contain, and which habits."""
