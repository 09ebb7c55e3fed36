"""Samples in a memory beside the network (docs/sample_memory.md): memories, and what plays samples out of them.

`port` says what a memory offers; `block_ram` and `sdram` are memories. `player` puts together what uses one: `runs`,
`fetcher`, `decoder` and `results`. `arbiter` lets the host link use it too, and `switch` gives the network to one of
them.
"""
