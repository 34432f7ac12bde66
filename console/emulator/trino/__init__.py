"""Athena's engine in the emulated place: a real Trino, and where Athena's SQL differs from it.

Trino 406 is a lower bound of Athena's engine version 3: what it takes, Athena takes too, but for
what `lint` refuses; what Athena alone has, `translate` says in Trino's words.
"""
