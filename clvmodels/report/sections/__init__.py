"""What a page says, section by section: facts made from results, without a word of HTML."""
