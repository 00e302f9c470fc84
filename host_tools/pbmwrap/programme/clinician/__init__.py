"""The report of a course for a clinician: contents, chart, and their form as HTML and PDF."""
