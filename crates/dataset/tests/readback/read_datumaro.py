"""Reads a folder with Datumaro and says what it found, as JSON: `read_datumaro.py FOLDER FORMAT`."""

import contextlib
import json
import sys

with contextlib.redirect_stdout(sys.stderr):
    from datumaro import Dataset

    dataset = Dataset.import_from(sys.argv[1], sys.argv[2])
    labels = [it.name for it in dataset.categories()[next(iter(dataset.categories()))].items]
    items = {}
    for item in dataset:
        shapes = [
            {
                "label": it.label,
                "kind": it.type.name,
                "box": [float(number) for number in it.get_bbox()],
            }
            for it in item.annotations
        ]
        # Its bytes are there and are an image.
        size = None if item.media is None else list(item.media.data.shape[:2])
        items[f"{item.subset}/{item.id}"] = {"size": size, "shapes": shapes}
json.dump({"labels": labels, "items": items}, sys.stdout)
