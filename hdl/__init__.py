"""The hardware: one Amaranth component a concept, twins of the golden model's files."""
