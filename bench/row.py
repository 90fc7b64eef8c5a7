"""`python -m bench.row NAME …`: one measurement in this process, saved whenever it knows more. `bench` starts it."""

from __future__ import annotations

import sys
from importlib import import_module

from bench.children import end_with_parent
from bench.menu import ROWS, Options, read_options
from bench.report import Table, save


def main() -> None:
    """Measure the one row that is named; print its table when it is whole."""
    end_with_parent()
    (name,), options = read_options(sys.argv[1:], __doc__.splitlines()[0])
    table = measured(name, options)
    print(f"\n### {name}\n\n{options.conditions(ROWS[name])}\n\n{table.markdown()}\n", flush=True)


def measured(name: str, options: Options) -> Table:
    """The whole table of a row; what there is of it is saved each time that it grows."""
    table = None
    for table in import_module(ROWS[name].module).measure(options):
        save(name, table, options.conditions(ROWS[name]), options.results / f"{name}.json")
    if table is None:
        raise SystemExit(f"{name} measured nothing")
    return table


if __name__ == "__main__":
    main()
