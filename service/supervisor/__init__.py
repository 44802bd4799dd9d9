"""
`mneme serve`: the embedded engines, one service and one gateway as children of one process.

`datadir` knows what lies where, `programs` starts our own processes, `keeper` starts again what died, `banner` says what a person
needs to know, `serve` puts them together.
"""

from service.supervisor.engines import attached_engines
from service.supervisor.serve import serve

__all__ = ["attached_engines", "serve"]
