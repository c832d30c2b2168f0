"""What changed between two descriptions of the API: documents, our contract, SDKs, LAP files.

Each source becomes `Facts` (`facts.py`), a normal form without names of schemas, prose, examples and
order. Two of them are compared (`compare.py`), each change is rated for a client of the API
(`severity.py`), and changes that have one cause become one line (`folding.py`).
"""
