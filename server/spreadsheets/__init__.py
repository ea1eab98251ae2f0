"""Spreadsheets in and out, XLSX and CSV, by worker processes: nothing blocks the loop, no file is held whole.

`workers` is what the product asks; `wire` what it says to its children; `worker` the program that they run, which alone imports `files`
and with it the libraries. This file imports nothing, so that a child stays small.
"""
