"""From raw logs to what the models see: reading, cleaning, splitting and summarising."""
