"""The tables of the roaming authorisation list."""

from sqlalchemy import Column, Integer, SmallInteger, String

from echs.lists.versioned_list import head_table, record_table
from echs.tokens.token import FIELDS

INTEGERS = {"hub": Integer, "token_type": SmallInteger, "pin_mandatory": SmallInteger, "activated": SmallInteger}

roaming_list = head_table("roaming_list")
authorisation = record_table(
    "authorisation",
    (Column(field.name, INTEGERS.get(field.name, String(field.limit)), nullable=False) for field in FIELDS),
)
