"""What responses have looked like: presence, types and values by location, learned from real traffic."""
