"""Every change that the contract can see, made one at a time: the parts of `benchmarks/mutation.py`.

None of this imports the judge: what must be found is worked out a second time, from the compiled schemas and
the grammars alone, so that the two can disagree.
"""
