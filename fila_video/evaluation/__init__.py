"""Measures models: answers about drawn videos, coverage of real ones, short events, and the paper's ablations."""
