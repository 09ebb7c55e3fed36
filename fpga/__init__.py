"""Boards: place and route, bitstreams and host links. Nothing is here yet."""
