"""One page of HTML about a user's files: what was read, what is doubtful, and what follows from it."""

from skperturb.report._write import write_report

__all__ = ["write_report"]
