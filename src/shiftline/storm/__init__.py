"""The load engine: what a trunk can take, whether a limiter or the machine sets that bound, and proof."""
