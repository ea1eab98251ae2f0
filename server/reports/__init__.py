"""Figures on paper: statistical reports, exports of rows, and the worker processes that write and read spreadsheets.

`census` counts documents, `tables` makes rows of them, `report` keeps what is frozen, `making` is the job, `service` what others ask;
`exports` and `exporting` are the rows of persons; `workers` has the children that run `worker`, which alone imports `sheets`.
"""

from server.reports.census import Documents
from server.reports.exporting import Exporter
from server.reports.exports import Export, Exports, ExportStore
from server.reports.group_reports import GroupFigure, GroupReports
from server.reports.making import ReportMaker
from server.reports.report import Report, ReportSettings, ReportStore
from server.reports.service import Reports
from server.spreadsheets.workers import Workers

__all__ = ["Documents", "Export", "ExportStore", "Exporter", "Exports", "GroupFigure", "GroupReports", "Report",
           "ReportMaker", "ReportSettings", "ReportStore", "Reports", "Workers"]
