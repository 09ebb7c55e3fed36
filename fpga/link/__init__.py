"""The host's side of the host link (docs/host_link.md), twin of `backspike.hdl.link`.

`device` is a network on a board, to be used. It asks through a `session`, which sends requests again and checks their
answers; that goes through a `transport`, of which `serial_transport` is one, and `port` opens what it needs.
"""
