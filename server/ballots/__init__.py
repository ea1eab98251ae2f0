"""Ballots 选票: a vote among candidates, one ballot for each citizen and period.

Owns: `ballots` (`_id` campaign:period:citizen, of the row that takes one back the same with :void), `ballot_streams`, `tallies`,
`tally_hours`, `vote_boards` (who may not be voted for now, and why) and `paper_ballots`. Does not own: candidates and settings, which are
a campaign's content (server/campaign_types/vote.py); participations, of which casting a ballot is one.
Invariants: a ballot is one document, written once, and nothing changes it but that a deletion takes her off it; a repeat gets it again,
whatever it asks for; a ballot is taken back by another row with a reason, never removed, and one that was not written yet finds its
place taken by an empty row; tally = replay of the rows, and `audit` proves it; what she chose lies sealed, is told to her alone, and
stands in no log, list or export; paper ballots are a figure of their own; once a vote is frozen no ballot is taken by any process but of
whom her shard counted before, so that the tally ends with what was on its way then, some seconds later at most where nothing fails.

A row's `pos` is campaign:stream:batch:place. A stream has one writer, one batch of it is on its way at a time, and is told of in
`ballot_streams` once it is durable: what lies before that is complete, so whoever folds in the order of `pos` misses nothing.
"""

from __future__ import annotations

from server.ballots.ballot import Ballot, Barred, Standing
from server.ballots.papers import PaperBallots, PaperStore
from server.ballots.service import Ballots
from server.ballots.store import BallotStore
from server.ballots.tallying import Tallying, TallyStore
from server.ballots.writer import BallotWriter

__all__ = ["Ballot", "BallotStore", "BallotWriter", "Ballots", "Barred", "PaperBallots", "PaperStore", "Standing", "TallyStore", "Tallying"]
