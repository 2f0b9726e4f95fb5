"""Any SOAP service of ours, on Spyne: reading envelopes, answering in kind, faults.

Importing this package makes Spyne importable on every Python that we support; see `spyne_compat`.
"""

from echs.protocols.soap import spyne_compat

spyne_compat.install()
