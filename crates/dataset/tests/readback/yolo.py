"""Reads a folder of YOLO by the rules of Ultralytics and says what it found, as JSON.

The rules are those of `check_det_dataset`, `img2label_paths` and `verify_image_label` in
ultralytics/data/utils.py, 8.4, without what it overlooks; read_ultralytics.py asks Ultralytics itself.
"""

import json
import pathlib
import sys

import numpy as np
import yaml

folder = pathlib.Path(sys.argv[1])
data = yaml.safe_load((folder / "data.yaml").read_text(encoding="utf-8"))
names = {int(id): str(name) for id, name in data["names"].items()}
assert sorted(names) == list(range(len(names))), "ids of names are not 0, 1, 2 …"
assert "path" not in data, "path ties the folder to a place"


def rows_of(file):
    """The rows of a file of labels: id and numbers, as written."""
    rows = [line.split() for line in file.read_text().strip().splitlines() if line.strip()]
    if not rows:
        return []
    labels = np.array([row[0] for row in rows], dtype=np.float32)
    numbers = [np.array(row[1:], dtype=np.float32) for row in rows]
    if any(len(row) > 6 for row in rows):
        assert not any(len(row) == 5 for row in rows), "rows of boxes and of polygons in one file"
        segments = [row.reshape(-1, 2) for row in numbers]
        least = np.array([segment.min(0) for segment in segments])
        most = np.array([segment.max(0) for segment in segments])
        boxes = np.concatenate(((least + most) / 2, most - least), 1)
    else:
        boxes = np.array(numbers)
    assert boxes.shape[1] == 4, f"{boxes.shape[1]} numbers of a box"
    # Without the 1 percent of tolerance that it has since 8.3.
    assert boxes.max() <= 1, f"over 1: {boxes}"
    assert boxes.min() >= 0, f"below 0: {boxes}"
    assert (boxes[:, 2:] > 0).all(), f"no area: {boxes}"
    assert (labels % 1 == 0).all() and labels.max() < len(names), f"unknown labels: {labels}"
    return [[int(row[0]), *map(float, row[1:])] for row in rows]


splits = {}
for split in data.keys() - {"names"}:
    images = sorted((folder / data[split]).iterdir())
    files = [folder / "labels" / split / f"{image.name.rsplit('.', 1)[0]}.txt" for image in images]
    assert len(set(files)) == len(images), "two images have one file of labels"
    assert sorted((folder / "labels" / split).iterdir()) == sorted(files), "labels without an image"
    splits[split] = {image.name: rows_of(file) for image, file in zip(images, files)}
json.dump({"names": [names[id] for id in sorted(names)], "splits": splits}, sys.stdout)
