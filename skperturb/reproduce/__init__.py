"""The tables and figures of the papers, on real data, beside their baselines.

One module for each table; the command line, the examples and the documentation call the same functions.
"""
