"""`make bench`: our intake beside what others would build, in one run, with one load tool, on pinned cores."""
