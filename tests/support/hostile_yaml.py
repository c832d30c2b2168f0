"""YAML that would use all memory, or run for a day, with the reason for which it is rejected."""

from __future__ import annotations

LAUGHS = "a0: &a0 {k: v}\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)
)
MERGES = "a0: &a0 {k: v}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 30)
)
HOSTILE = {
    "deep-flow": ("a: " + "[" * 100_000, "nested more than 500 levels deep"),
    "deep-block": ("a:\n  " + "- " * 100_000, "nested more than 500 levels deep"),
    "aliases": (LAUGHS, "with what aliases repeat"),
    "merges": (MERGES, "with what aliases repeat"),
    "loop": ("a: &a [*a]\n", "an alias without its anchor before it"),
}
