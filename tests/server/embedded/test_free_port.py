"""Ports for servers that we start: nobody is given one that somebody else was just given."""

from __future__ import annotations

import socket

from server.embedded import free_port

# With ports chosen by chance alone, 600 of some 28,000 would hold a pair 998 times in 1,000.
STARTS = 600


def test_products_that_start_in_the_same_moment_are_given_ports_of_their_own():
    ports = [free_port() for _ in range(STARTS)]
    assert len(set(ports)) == STARTS


def test_a_server_listens_on_the_port_that_it_was_given():
    port = free_port()
    with socket.create_server(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port), timeout=5):
        pass
