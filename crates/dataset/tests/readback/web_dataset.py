"""Reads all shards of a folder with webdataset, images decoded."""

import glob
import json
import os
import sys

import webdataset

found = {}
for path in sorted(glob.glob(os.path.join(sys.argv[1], "*.tar"))):
    samples = webdataset.WebDataset(path, shardshuffle=False).decode("pil")
    found[os.path.basename(path)] = [
        {
            "key": sample["__key__"],
            "members": sorted(key for key in sample if not key.startswith("__")),
            "size": sample["jpg"].size,
            "json": sample["json"],
        }
        for sample in samples
    ]
json.dump(found, sys.stdout)
