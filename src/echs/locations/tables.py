"""The tables of the charge point list."""

from sqlalchemy import Column, String

from echs.lists.versioned_list import head_table, record_table
from echs.locations.charge_point import FIELDS

chargepoint_list = head_table("chargepoint_list")
chargepoint = record_table("chargepoint", (Column(field.name, String(field.limit), nullable=False) for field in FIELDS))
