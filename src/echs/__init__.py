"""eCHS, an open clearing house for electric-vehicle roaming.

The map, from the top down; imports run downwards only:

- ``cli``             what an administrator types, one file a subject
- ``server``          WSGI: the protocols by path, statements by link; ``worker``, ``master``: gunicorn's
- ``front``           the page for people, and what is said where a path is missed
- ``reception``       what is done for every request: id, metrics, log; ``health``: /livez and /readyz
- ``protocols``       how partners connect: ``soap`` (any SOAP service), ``ochp02`` (OCHP 0.2)
- ``upkeep``          verify, backups, doctor
- ``gauges``          metrics looked up in the store; ``meters``: metrics counted while serving; ``logs``: the log
- ``context``           everything that an operation is handed; ``schema``: every folder's tables, for Alembic
- ``clearing``        the clearing run, and what a run gives to each partner
- ``statements``      what a partner is told about a run: PDF, CSV, and the link to them
- ``cdrs``            charge detail records: intake, pending, cleared
- ``chargepoints``    the charge point list
- ``authorisations``  the roaming authorisation list
- ``partners``        who takes part, what they own, how they prove who they are
- ``audit``           the audit trail: who did what, chained by hashes
- ``settings``        every ECHS_* variable
- ``base``            errors, fields, database, clock, limits, and the engine under uploads and lists
"""

__version__ = "0.1.0"
