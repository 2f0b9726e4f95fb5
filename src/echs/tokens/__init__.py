"""The roaming authorisation list: which tokens may charge."""
