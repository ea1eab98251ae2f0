"""Photos 照片: one of each citizen and period, shown to everybody once a person has approved it.

Owns: `photos` (`_id` campaign:period:citizen) and `photo_parts` (`_id` token:variant), the pictures. Does not own: what there is to
photograph, which is a campaign's content (server/campaign_types/photos.py); participations, of which sending a photo is one.
Invariants: nothing that a citizen sent is public before a person's verdict, whatever machines say; children send none; only pixels are
kept, drawn anew, without place, camera or what lies behind a picture; pictures and own words lie sealed; an address is a random name that
nobody can guess, and is asked of the store again each second, so that a take-down is everybody's within two; a deletion
removes the pictures before anything else, a withdrawal after nothing but saying so; whatever is cut short is finished by the job.

`queue` and `wall` are there only while a photo waits or is public; `by_machine` has what machines said before the place, until a person
decided; `second` while an approved one waits for a second reviewer; `decided` since a person decided, with `decided_by` and `reason`;
`moderation_due` and `check_due` while machines have to be asked of the caption and the picture; `remove_at` from when it is due to go.
"""

from __future__ import annotations

from server.photos.photo import Photo, PhotoNotFound
from server.photos.pictures import PhotoFiles, PictureStore
from server.photos.service import Photos
from server.photos.store import PhotoStore

__all__ = ["Photo", "PhotoFiles", "PhotoNotFound", "PhotoStore", "Photos", "PictureStore"]
