"""Compares a response with the golden one by meaning, under the rules of `golden.yaml`."""

from cohere_conformance.golden.compare.answers import compare
from cohere_conformance.golden.compare.loading import load_rules, shipped_rules
from cohere_conformance.golden.compare.outlines import Demands
from cohere_conformance.golden.compare.rules import Rules

__all__ = ["Demands", "Rules", "compare", "load_rules", "shipped_rules"]
