"""How the documentation is built: ``make docs``; every warning is an error."""

from importlib.metadata import version as installed

project = "eCHS"
author = "The eCHS developers"
copyright = "The eCHS developers, Apache License 2.0"
release = version = installed("echs")
extensions = ["myst_parser"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
html_theme = "furo"
html_title = f"eCHS {release}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_show_sourcelink = False
exclude_patterns = ["_build"]
nitpicky = True
# Pages link to files of the repository, which are no pages.
suppress_warnings = ["myst.xref_missing"]
