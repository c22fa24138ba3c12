"""Measures models: benchmarks, answers about drawn videos, coverage of real ones, short events, ablations."""
