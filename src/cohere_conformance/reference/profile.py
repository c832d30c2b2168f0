"""What the server is a stand-in for: the contract, or the service of a certain time."""

import enum


class Profile(enum.StrEnum):
    """Which behaviour the server shows where declaration and service differ."""

    CONTRACT = "contract"
    """Everything that is declared works, retired operations and models included."""
    LIVE_2026 = "live-2026"
    """What the live service did in 2026: what is retired answers 404, and its oddities are kept."""
