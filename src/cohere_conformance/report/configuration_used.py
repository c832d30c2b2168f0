"""What a run took from its configuration file, as the report says it."""

import msgspec


class ConfigurationUsed(msgspec.Struct, frozen=True, kw_only=True):
    """What a run took from its configuration file.

    Attributes:
        file: path of the file, as seen from the folder of the run.
        name: what the file calls the target; empty if it has no name.
        used: the keys whose values were used, such as `limits.n`.
        overridden: the keys that an option of the command line has replaced, or that belong to another host
            than the one in `--url`.
    """

    file: str
    name: str = ""
    used: tuple[str, ...] = ()
    overridden: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """What was used and what was replaced, for a reader."""
        name = f" ({self.name})" if self.name else ""
        line = f"{self.file}{name}: {', '.join(self.used) or 'nothing used'}"
        return f"{line}; replaced: {', '.join(self.overridden)}" if self.overridden else line
