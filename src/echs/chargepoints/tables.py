"""The tables of the charge point list."""

from sqlalchemy import Column, String

from echs.chargepoints.chargepoint import FIELDS
from echs.lists.versioned_list import head_table, record_table

chargepoint_list = head_table("chargepoint_list")
chargepoint = record_table("chargepoint", (Column(field.name, String(field.limit), nullable=False) for field in FIELDS))
