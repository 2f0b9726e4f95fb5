"""eCHS, an open clearing house for electric-vehicle roaming.

The map, from the top down; imports run downwards only:

- ``cli``          the command, one file a subcommand
- ``serving``      WSGI application, request middleware, metrics, health, log, gunicorn worker and arbiter
- ``protocols``    how partners connect: the frame of operations, ``soap`` (any SOAP service), ``rows`` (flat records),
                   ``ochp02`` and ``ochp14`` (OCHP 0.2 and 1.4, and the formats of their records: which texts are
                   rejected, what they mean)
- ``maintenance``  backup, doctor, verify, the version of the store
- ``delivery``     what each partner is given of a clearing run; jobs after a commit and their worker
- ``config``       every ECHS_* setting, and the context that is made of them
- ``clearing``     the clearing run and its statements
- ``statements``   statements as PDF and CSV, and the links to them
- ``cdrs``         charge detail records: rules, intake, pending, cleared
- ``tokens``       tokens and the roaming list: which tokens may charge, whose they are
- ``tariffs``      what charging costs, by default and for single providers
- ``direct``       the address book of OCHPdirect
- ``locations``    charge points and their list
- ``live``         live status: whether an EVSE is free now
- ``lists``        the engine under both lists: keyed records, changes, diff and undo, drawn files
- ``partners``     partners, their ids, credentials, certificates and logins; connections: who sees whom
- ``audit``        the audit trail, chained by hashes, and upload receipts
- ``base``         database, errors, fields, rules, limits, clock: knows no business
"""

__version__ = "0.1.0"
