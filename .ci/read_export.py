"""Reads an export with one reader, and prints what it found: rows, columns and the sum of each number's column.

Usage: read_export.py READER FOLDER, with the reader duckdb, duckdb-file, pandas, polars or pyarrow. Runs on its own,
with whatever version of the reader PYTHONPATH has.
"""

import importlib
import json
import sys
from pathlib import Path

NUMBERS = ("int", "bigint", "double", "float")


def found(rows, types, total):
    """What is told of one table."""
    numbers = [name for name, kind in types.items() if str(kind).lower().startswith(NUMBERS)]
    return {"rows": rows, "columns": list(types), "sums": {name: float(total(name) or 0) for name in numbers}}


def by_duckdb(table):
    """A table as DuckDB sees it."""
    return found(
        table.count("*").fetchall()[0][0],
        dict(zip(table.columns, table.types, strict=True)),
        lambda name: table.sum(f'"{name}"').fetchall()[0][0],
    )


def read(reader, folder):
    """Every table of the export."""
    files = sorted(folder.glob("*.parquet"))
    library = importlib.import_module(reader.partition("-")[0])
    if reader == "duckdb":
        return {file.stem: by_duckdb(library.read_parquet(str(file))) for file in files}
    if reader == "duckdb-file":
        with library.connect(str(folder / "binance.duckdb"), read_only=True) as duck:
            return {file.stem: by_duckdb(duck.table(file.stem)) for file in files}
    if reader == "pandas":
        frames = {file.stem: library.read_parquet(file) for file in files}
        return {
            name: found(len(it), dict(it.dtypes), lambda column, it=it: it[column].sum()) for name, it in frames.items()
        }
    if reader == "polars":  # whose sum of 32-bit integers is one, too
        frames = {file.stem: library.read_parquet(file) for file in files}
        return {
            name: found(len(it), it.schema, lambda column, it=it: it[column].cast(library.Float64).sum())
            for name, it in frames.items()
        }
    parquet, compute = importlib.import_module("pyarrow.parquet"), importlib.import_module("pyarrow.compute")
    tables = {file.stem: parquet.read_table(file) for file in files}
    return {
        name: found(
            len(it),
            dict(zip(it.schema.names, it.schema.types, strict=True)),
            lambda column, it=it: compute.sum(it[column]).as_py(),
        )
        for name, it in tables.items()
    }


if __name__ == "__main__":
    json.dump(read(sys.argv[1], Path(sys.argv[2])), sys.stdout)
