"""How figures are written on a page."""

from math import floor, log10


def count(number: float | None) -> str | None:
    """Return an integer with its thousands apart."""
    return None if number is None else f"{number:,.0f}"


def percent(share: float | None) -> str | None:
    """Return a share as the number of per cent, with two decimals.

    What is not nothing, or not all, does not read as if it were; one of a thousand and
    more has a power of ten.
    """
    if share is None:
        return None
    number = 100 * share
    if 0 < number < 0.005:
        return "< 0.01"
    if 99.99 < number < 100:
        return "> 99.99"
    return _signed(f"{number:.2f}") if abs(number) < 1e5 else f"{number:.1e}"


def significant(number: float | None, digits: int = 2) -> str | None:
    """Return a number with so many significant digits, trailing zeros included."""
    if number is None:
        return None
    if not number:
        return "0"
    places = digits - 1 - floor(log10(abs(number)))
    # Rounding may carry into another digit.
    rounded = round(number, places)
    places = digits - 1 - floor(log10(abs(rounded)))
    text = f"{rounded:,.{max(places, 0)}f}" if places < 7 else f"{number:.{digits - 1}e}"
    return _signed(text)


def scientific(number: float | None) -> str | None:
    """Return a number with three digits and a power of ten."""
    return None if number is None else f"{number:.2e}"


def agreement(equal: int, words: int) -> str:
    """Return the per cent of words that are equal; what is not all of them never reads as 100."""
    return "100" if equal == words else f"{min(100 * equal / words, 99.9999):.4f}"


def _signed(text: str) -> str:
    """Return a number with a minus as wide as a plus, and none in front of nothing."""
    return text.lstrip("-") if not text.strip("-0.") else text.replace("-", "−")
