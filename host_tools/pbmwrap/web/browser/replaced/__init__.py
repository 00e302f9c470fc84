"""Modules that stand in the browser for modules of the same name that cannot run there."""
