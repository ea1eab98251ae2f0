"""Schools and classes: links and codes of units, teachers whom a code authorised, and group reports beside the count.

`classes` names classes, `codes` makes codes that are kept nowhere, `record` and `store` keep what is kept, `service` has links and
teachers, `group_reports` the reports and their figures, `own` what a school sees of herself, `letters` what is printed for her.
"""

from server.schools.group_reports import GroupReports
from server.schools.own import OwnFigures
from server.schools.service import Schools
from server.schools.store import GroupReportStore, SchoolStore

__all__ = ["GroupReportStore", "GroupReports", "OwnFigures", "SchoolStore", "Schools"]
