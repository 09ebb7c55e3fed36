"""Experiments as files: rows of the results table, studies and searches, their results, and the page made of them."""
