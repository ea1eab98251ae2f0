"""Blocks 页面内容块: a campaign's page as editors build it, between the activity and the footer that every page has.

What a page may hold stands in `block.py`, how it becomes HTML in `rendering.py`, what it weighs on a phone in `weight.py`, and what the
page needs of the stores in `service.py`. Nothing here writes.
"""
