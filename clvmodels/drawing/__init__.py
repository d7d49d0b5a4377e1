"""The pictures: every plot takes a table or arrays and returns a figure; the only Matplotlib."""
