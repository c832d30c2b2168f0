"""What each group promises beyond its schemas: one module a group, one function a requirement."""
