"""Sizes that rounding alone produces, shared by everything that divides by the size of a response."""

__all__ = ["NEGLIGIBLE", "NEGLIGIBLE_SQUARE"]

#: A length (log-fold changes), a spread or the mean of a kernel that is not above this counts as zero, and nothing is
#: divided by it. Rounding keeps equal responses of 5000 genes of size 10 apart by 4e-14, the effects of Norman's genes
#: lie 0.5 and more apart. At a tenth (1e-13) that rounding has a margin of two only, and longer responses would have
#: theirs scaled up to a signal of size 1; at ten times (1e-11) nothing changes unless responses are that small
#: themselves. Predictions for the screens of Norman and of Replogle are the same at both.
NEGLIGIBLE = 1e-12
#: The same for squared lengths and for products of two lengths, so for lengths of 1e-6. It is not the square of the
#: above: a product of the sizes of two genes is compared with a difference of squares, in which rounding leaves 1e-13
#: (50 outputs of size 1). At a tenth, the agreement of a gene with one without any effect would be a quotient of
#: roundings; at ten times, effects of 3e-6 count as none, which no count of cells resolves. Same predictions at both.
NEGLIGIBLE_SQUARE = 1e-12
