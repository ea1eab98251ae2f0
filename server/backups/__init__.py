"""Backup and restore: what outlives the loss of the document store, and the way back from it.

lines.py     the form of a line that is kept outside both stores
tail.py      what the archive files do not say: numbers, identities by hash, merges, deletions, marks, and other hosts' rows
sources.py   reads all that, from as many folders as there are
taking.py    a backup: the embedded store's consistent copy, the files, a manifest with checksums
restoring.py the way back
"""
