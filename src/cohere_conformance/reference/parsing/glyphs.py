"""The characters that the server recognizes: capital letters, digits and punctuation, five by seven dots."""

from __future__ import annotations

from functools import cache

HEIGHT = 7
"""The dots of a character from top to bottom."""
WIDTH = 5
"""The dots of a character from left to right; an empty column follows."""
_ROWS = {
    "A": "0E11111F111111", "B": "1E11111E11111E", "C": "0E11101010110E", "D": "1E11111111111E",
    "E": "1F10101E10101F", "F": "1F10101E101010", "G": "0E11101713110E", "H": "1111111F111111",
    "I": "0E04040404040E", "J": "0702020202120C", "K": "11121418141211", "L": "1010101010101F",
    "M": "111B1515111111", "N": "11191513111111", "O": "0E11111111110E", "P": "1E11111E101010",
    "Q": "0E11111115120D", "R": "1E11111E141211", "S": "0F10100E01011E", "T": "1F040404040404",
    "U": "1111111111110E", "V": "11111111110A04", "W": "11111115151B11", "X": "11110A040A1111",
    "Y": "11110A04040404", "Z": "1F01020408101F",
    "0": "0E11131519110E", "1": "040C040404041F", "2": "0E11010204081F", "3": "1F02040201110E",
    "4": "02060A121F0202", "5": "1F101E0101110E", "6": "0608101E11110E", "7": "1F010204080808",
    "8": "0E11110E11110E", "9": "0E11110F01020C",
    ".": "00000000000606", ",": "00000000060204", ":": "00060600060600", "-": "0000001F000000",
    "!": "04040404040004", "?": "0E110102040004", "/": "01010204081010", "+": "0004041F040400",
    "=": "00001F001F0000", "(": "02040808080402", ")": "08040202020408",
}  # fmt: skip
"""The rows of each character, each a byte whose lower five bits are its dots."""

Dots = tuple[bytes, ...]
"""The rows of a picture, a byte for each dot."""


def dots(character: str) -> Dots:
    """Return the dots of a character, with the empty columns at its sides."""
    rows = bytes.fromhex(_ROWS[character])
    return tuple(bytes(row >> (WIDTH - 1 - column) & 1 for column in range(WIDTH)) for row in rows)


@cache
def characters() -> dict[Dots, str]:
    """Return the characters by their dots without empty columns at the sides."""
    found = {}
    for character in _ROWS:
        rows = dots(character)
        used = [column for column in range(WIDTH) if any(row[column] for row in rows)]
        found[tuple(row[used[0] : used[-1] + 1] for row in rows)] = character
    return found
