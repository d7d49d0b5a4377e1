"""Reports: a page to look at, a table to load, a plot to paste."""
