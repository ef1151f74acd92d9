"""Validates croissant.json as its command line does, and loads all records."""

import json
import os
import subprocess
import sys

import mlcroissant

path = os.path.join(sys.argv[1], "croissant.json")
command = os.path.join(os.path.dirname(sys.executable), "mlcroissant")
validated = subprocess.run(
    [command, "validate", "--jsonld", path], capture_output=True, text=True
)


def plain(value):
    if isinstance(value, bytes):
        return value.decode()
    if hasattr(value, "size") and hasattr(value, "mode"):
        return {"size": value.size}
    if isinstance(value, (list, tuple)):
        return [plain(it) for it in value]
    return value.item() if hasattr(value, "item") else value


dataset = mlcroissant.Dataset(jsonld=path)
records = {
    record_set.uuid: [
        {key.split("/")[-1]: plain(value) for key, value in record.items()}
        for record in dataset.records(record_set.uuid)
    ]
    for record_set in dataset.metadata.record_sets
}
json.dump(
    {
        "status": validated.returncode,
        "said": validated.stdout + validated.stderr,
        "records": records,
    },
    sys.stdout,
)
