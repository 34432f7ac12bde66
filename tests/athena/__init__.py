"""The emulated Athena, whose engine is one Trino for all tests of a session."""
