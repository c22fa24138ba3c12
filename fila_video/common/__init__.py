"""Helpers that several packages share: files, worker pools, command lines, tables and statistics."""
