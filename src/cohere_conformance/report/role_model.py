"""Which model a role of the cases means in a run."""

import msgspec


class RoleModel(msgspec.Struct, frozen=True, kw_only=True):
    """The model that a role of the cases means in a run.

    Attributes:
        role: such as `chat`.
        model: its name.
        source: who decided: `--model`, `GET /v1/models` of the target, or a profile.
    """

    role: str
    model: str
    source: str
