"""Memories for samples beside the network: `port` says what each of them offers, the other files are one each."""
