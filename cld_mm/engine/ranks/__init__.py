"""Ranks: watching each other, and agreeing on what they train."""
