"""Loads a folder with datasets, by its card; and Parquet files also without it."""

import glob
import hashlib
import json
import os
import sys

import datasets

datasets.disable_progress_bars()
folder = sys.argv[1]


def read(splits):
    found = {}
    for name, split in splits.items():
        rows = split.to_list() if "image" not in split.features else list(split)
        raw = split.cast_column("image", datasets.Image(decode=False))
        for row, encoded in zip(rows, raw, strict=True):
            image, encoded = row["image"], encoded["image"]
            data = encoded["bytes"]
            if data is None:
                with open(encoded["path"], "rb") as file:
                    data = file.read()
            row["image"] = {
                "format": image.format,
                "size": image.size,
                "sha256": hashlib.sha256(data).hexdigest(),
                "path": os.path.basename(encoded["path"]),
            }
        category = split.features["objects"]["category"].feature
        found[name] = {
            "features": {key: str(feature) for key, feature in split.features.items()},
            "names": getattr(category, "names", None),
            "rows": rows,
        }
    return found


found = {"by_card": read(datasets.load_dataset(folder))}
files = {}
for path in sorted(glob.glob(os.path.join(folder, "data", "*.parquet"))):
    files.setdefault(os.path.basename(path).split("-")[0], []).append(path)
if files:
    found["by_files"] = read(datasets.load_dataset("parquet", data_files=files))
    streamed = datasets.load_dataset(folder, streaming=True)
    found["streamed"] = {name: sum(1 for _ in split) for name, split in streamed.items()}
json.dump(found, sys.stdout)
