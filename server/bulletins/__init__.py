"""What operators report upwards: bulletins 战报 of one moment's figures, and milestones 里程碑.

`snapshot` reads the figures once, `texts` and `wire` say them, `drawing` is what the child `worker` runs; `bulletin` keeps what was made,
`service` makes it by hand and at full hours, `milestones` and `watching` are what passed when.
"""

from server.bulletins.bulletin import Bulletin, BulletinSettings, BulletinStore
from server.bulletins.milestones import Milestone, MilestoneStore
from server.bulletins.service import Bulletins, Tell
from server.bulletins.snapshot import Snapshot, Snapshots
from server.bulletins.watching import Watch, WatchStore, curve, lately

__all__ = ["Bulletin", "BulletinSettings", "BulletinStore", "Bulletins", "Milestone", "MilestoneStore", "Snapshot", "Snapshots", "Tell",
           "Watch", "WatchStore", "curve", "lately"]
