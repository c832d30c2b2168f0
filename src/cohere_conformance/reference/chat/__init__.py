"""What both versions of chat share: conversations in, replies out, each computed from what was sent."""
