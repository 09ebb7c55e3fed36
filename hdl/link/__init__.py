"""The host link (docs/host_link.md): `HostLink`, its parts, and the transports that can carry its bytes.

A request goes through `receiver`, `checker` and `executor`, its answer through `writer`; `host_link` puts them
together. `transport` says what carries the bytes, and `serial_transport` is that for a UART.
"""
