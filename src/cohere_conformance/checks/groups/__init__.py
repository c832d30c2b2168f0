"""The checks of requirements over one exchange: one module a group, one function a requirement."""
