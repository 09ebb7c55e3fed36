"""Boards: place and route, bitstreams and host links."""
