"""The WeChat sandbox: a stand-in for the platform and for a citizen's phone, so that everything runs without an account.

Owns: simulated citizens, their openids, what the platform remembers of them, and the platform's rules.
Does not own: anything of the product. It is a separate program (`python -m server.sandbox`), imports nothing of ours,
is imported by nobody and was written from the protocol facts, so that it can find faults of the client that calls it.
Invariants: a page of it always says that it is a simulation; it writes no openid and no message into its log.
"""
