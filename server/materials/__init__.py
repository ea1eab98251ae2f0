"""Materials 素材 of an official account: pictures, voices, videos and thumbs that editors upload, kept by the platform.

Owns: `materials`, one document for each that the platform took from here; the files on their way (incoming.py). material.py (kinds,
limits and formats of the platform), service.py (store and rules). Does not own: articles that use them (server/articles).
Invariants: a file is never whole in memory, is what its content says and not what it is called, and is gone from the disk when it was
handed on or refused; permanent materials of the same bytes are uploaded once; a temporary one is forgotten when it expires.

Failure policy: closed: a refusal of the platform or no answer is shown to the editor and nothing is kept, so that she may try again.
Where the platform took a file and the answer or our record was lost, it stays in the platform's library without a record here.
"""

from __future__ import annotations

from server.materials.incoming import Incoming, Uploads
from server.materials.material import Described, Kind, Material, MaterialNotFound
from server.materials.service import Materials, MaterialStore

__all__ = ["Described", "Incoming", "Kind", "Material", "MaterialNotFound", "MaterialStore", "Materials", "Uploads"]
