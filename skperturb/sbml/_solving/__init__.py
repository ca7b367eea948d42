"""Equations become trajectories and steady states."""
