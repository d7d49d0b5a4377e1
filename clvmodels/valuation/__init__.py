"""Valuation: from purchases and spend to discounted money, and the simple formula that it must beat."""
