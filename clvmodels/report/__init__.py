"""Reports: pages and the tables in them, made from results."""
