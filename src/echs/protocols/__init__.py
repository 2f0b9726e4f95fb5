"""How partners speak to us. A protocol translates; it never decides.

Importing anything from here makes Spyne importable first, on every Python that we support; see `soap.spyne_compat`.
"""

from echs.protocols.soap import spyne_compat

spyne_compat.install()
