"""The programme: people, courses, a journal, the stop rule (docs/programme.md).

A measuring tool for one person. Nothing here says that light works, or for what.
"""
