"""How values are repeated in sentences."""

from hypothesis import given
from hypothesis import strategies as st

from echs.base.errors import SHOWN_VALUE_LIMIT, named, shown


@given(st.text(max_size=200))
def test_a_shown_value_is_printable_short_and_on_one_line(value: str):
    text = shown(value)
    assert text.isprintable()
    assert len(text) <= SHOWN_VALUE_LIMIT + 3


def test_a_list_of_names_says_how_many_it_leaves_out():
    assert named(["a", "b", "c"], limit=2) == '"a", "b" and 1 more'
