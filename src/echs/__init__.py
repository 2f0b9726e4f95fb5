"""eCHS, an open clearing house for electric-vehicle roaming.

The house, from the street to the cellar; imports run downwards only:

- ``cli``             what an administrator types, one file a subject
- ``server``          WSGI: the protocols by path, statements by link; ``worker``: gunicorn's, with deadlines
- ``protocols``       how partners speak to us: ``soap`` (any SOAP service of ours), ``ochp02`` (OCHP 0.2)
- ``house``           everything that an operation is handed; ``schema``: every room's tables, for Alembic
- ``clearing``        the clearing run, and what a run gives to each partner
- ``statements``      what a partner is told about a run: PDF, CSV, and the link to them
- ``cdrs``            charge detail records: intake, pending, cleared
- ``chargepoints``    the charge point list
- ``authorisations``  the roaming authorisation list
- ``partners``        who takes part, what they own, how they prove who they are
- ``base``            the ground floor, knows no business; ``settings``: every ECHS_* variable
"""

__version__ = "0.1.0"
