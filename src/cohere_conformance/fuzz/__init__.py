"""Requests derived from the contract: written cases varied by its rules, one at a time or several at once."""
