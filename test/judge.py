"""Reads Delta tables with delta-rs, which did not write them, for the tests. One JSON request a line on stdin, one JSON answer a line on stdout."""
import datetime
import decimal
import json
import sys

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder


def safe(array: pa.ChunkedArray) -> list:
    """Values that JSON can hold exactly: 64-bit integers, decimals and times as text; floats as text where JSON has none."""
    kind = array.type
    if pa.types.is_timestamp(kind):
        zone = "Z" if kind.tz else ""
        return [None if v is None else micros_text(v) + zone for v in array.cast(pa.timestamp("us", kind.tz)).cast(pa.int64()).to_pylist()]
    if pa.types.is_date(kind):
        return [None if v is None else date_text(v) for v in array.cast(pa.int32()).to_pylist()]
    return [value(v) for v in array.to_pylist()]


def micros_text(micros: int) -> str:
    seconds, fraction = divmod(micros, 1_000_000)
    try:
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    except OverflowError:
        return f"{micros}us"
    return moment.isoformat() + (f".{fraction:06d}" if fraction else "")


def date_text(days: int) -> str:
    try:
        return (datetime.date(1970, 1, 1) + datetime.timedelta(days=days)).isoformat()
    except OverflowError:
        return f"{days}d"


def value(v):
    if v is None or isinstance(v, (bool, str)):
        return v
    if isinstance(v, int):
        return v if abs(v) < 2**53 else str(v)
    if isinstance(v, float):
        if v != v:
            return "NaN"
        if v in (float("inf"), float("-inf")):
            return "Infinity" if v > 0 else "-Infinity"
        return "-0.0" if v == 0 and str(v) == "-0.0" else v
    if isinstance(v, decimal.Decimal):
        return format(v, "f")
    if isinstance(v, bytes):
        return {"hex": v.hex()}
    if isinstance(v, datetime.datetime):
        return v.isoformat()
    if isinstance(v, datetime.date):
        return v.isoformat()
    if isinstance(v, dict):
        return {key: value(one) for key, one in v.items()}
    if isinstance(v, list):
        return [value(one) for one in v]
    if isinstance(v, tuple):
        return [value(one) for one in v]
    raise TypeError(f"{type(v)} has no JSON form here")


def read(request: dict) -> list:
    table = DeltaTable(request["path"], version=request.get("version"))
    builder = QueryBuilder().register("t", table)
    # Views and nested types come back as plain arrow; DataFusion understands deletion vectors and column mapping.
    result = pa.table(builder.execute(request.get("sql", "SELECT * FROM t")).read_all())
    columns = {name: safe(plain(result.column(index))) for index, name in enumerate(result.schema.names)}
    return [dict(zip(columns, row)) for row in zip(*columns.values())] if columns else []


def plain(array: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_string_view(array.type):
        return array.cast(pa.string())
    if pa.types.is_binary_view(array.type):
        return array.cast(pa.binary())
    return array


def answer(request: dict):
    match request["do"]:
        case "read":
            return read(request)
        case "transaction":
            return DeltaTable(request["path"]).transaction_version(request["appId"])
        case "version":
            return DeltaTable(request["path"]).version()
        case "schema":
            return json.loads(DeltaTable(request["path"]).schema().to_json())
        case "optimize":
            return DeltaTable(request["path"]).optimize.compact()
        case "append":
            from deltalake import write_deltalake

            rows = request["rows"]
            schema = DeltaTable(request["path"]).schema().to_arrow()
            fields = [pa.field(f) for f in schema]
            table = pa.Table.from_pylist([{f.name: row.get(f.name) for f in fields} for row in rows], schema=pa.schema(fields))
            write_deltalake(request["path"], table, mode="append")
            return None
        case "delete":
            return DeltaTable(request["path"]).delete(request["predicate"])
        case "checkpoint":
            return DeltaTable(request["path"]).create_checkpoint()
    raise ValueError(f"unknown request {request['do']}")


for line in sys.stdin:
    try:
        reply = {"ok": answer(json.loads(line))}
    except Exception as error:  # noqa: BLE001 - every failure is the test's to see
        reply = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(reply), flush=True)
