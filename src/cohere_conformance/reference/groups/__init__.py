"""What each group of operations answers: one module a group."""
