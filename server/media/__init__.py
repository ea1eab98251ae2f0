"""The media library 媒体库: pictures, films and sound that editors upload once and use in campaigns and pages.

Owns: `media_uploads` (a file on its way, by the tus protocol), `media`, `media_tags` and `media_labels` (the library), `media_uses`
(who shows what), `media_contents`, `media_refs` and `media_parts` (bytes that the public gets, in documents of 1 MB, so that every server
has them). Does not own: materials of the platform's own library (server/materials), posters and share cards (assets/).

Read in this order: `medium` (what one is, kinds and limits), `uploads` (how a file comes in), `endings`, `pictures` and `films` (what a
file is, decided in a process of its own: `wire`, `worker`, `workshop`), `files` (bytes and their addresses), `store` and `library` (the
list, folders, uses and the recycle bin), `service` (from an upload to a medium), `references` (how a campaign names media).

Invariants: no process holds a whole file in memory; a file is what its content says and not what it is called; nothing is decoded in the
serving process; the public gets pictures that we encoded anew and films without their notes on place and camera, never an original; bytes
never change under their address; a medium in use is not deleted; bytes that nobody uses any more are removed, those that two media share
are not.

Failure policy: closed for everything that changes; a picture that is being looked at is served from memory while MongoDB is away.
"""

from __future__ import annotations

from server.media.files import FileStore, MediaFiles
from server.media.library import Library
from server.media.medium import Medium
from server.media.service import Media
from server.media.store import MediaStore
from server.media.uploads import Receiving, Upload, Uploads, UploadStore
from server.media.workshop import Workshop

__all__ = ["FileStore", "Library", "Media", "MediaFiles", "MediaStore", "Medium", "Receiving", "Upload", "UploadStore", "Uploads",
           "Workshop"]
