"""How residuals are written, in tables and in sentences."""


def two_digits(number: float) -> str:
    """Return a number with two significant digits, or all in front of its point.

    Examples
    --------
    >>> two_digits(0.0144), two_digits(99.96), two_digits(1234.5)
    ('0.014', '100', '1,234')
    """
    return f"{number:.2g}" if abs(number) < 99.5 else f"{number:,.0f}"
