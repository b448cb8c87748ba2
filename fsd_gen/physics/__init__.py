"""Letting things fall until they rest."""
