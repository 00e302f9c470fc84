"""Prints every table and figure of docs/build-a-wrap.md: python -m tools.reference_design."""

from __future__ import annotations

from tools.reference_design import guide_tables


def main() -> None:
    """Print the tables, then the figures that stand in sentences."""
    for name, maker in guide_tables.MAKERS.items():
        print(f"{name}\n\n{maker()}\n")
    for name, text in guide_tables.sentence_figures().items():
        print(f"{name}: {text}")


if __name__ == "__main__":
    main()
