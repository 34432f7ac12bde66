"""Maintenance of the tables by need: compaction, manifests, expiry of snapshots, orphans.

The one home of it: nothing else compacts, expires or removes files, because nothing else knows
holds, cursors and pairs.
"""
