"""The tables of the charge point list: its heads, its charge points, its former charge points."""

from sqlalchemy import Column, Integer, String

from echs.lists.tables import former_table, head_table, record_table

charge_point_list = head_table("charge_point_list")
charge_point = record_table(
    "charge_point",
    (
        # As `echs.locations.charge_point.typed` makes them.
        Column("evse_key", String(192), nullable=False),
        Column("latitude_e6", Integer, nullable=True),
        Column("longitude_e6", Integer, nullable=True),
    ),
)
charge_point_former = former_table("charge_point_former")
