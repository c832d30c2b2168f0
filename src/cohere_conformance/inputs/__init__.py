"""What is read from outside is bounded: which files, how deep, how long, how much."""
