"""Reads a folder of COCO with pycocotools and says what it found, as JSON."""

import contextlib
import json
import pathlib
import sys

from pycocotools import mask as masks
from pycocotools.coco import COCO

folder = pathlib.Path(sys.argv[1])
found = {}
for file in sorted((folder / "annotations").iterdir()):
    split = file.stem.removeprefix("instances_")
    with contextlib.redirect_stdout(sys.stderr):
        coco = COCO(file)
    images = {}
    for id in coco.getImgIds():
        image = coco.loadImgs(id)[0]
        image["is_there"] = (folder / "images" / split / image["file_name"]).is_file()
        image["annotations"] = coco.getAnnIds(imgIds=id)
        images[id] = image
    annotations = []
    for annotation in coco.loadAnns(coco.getAnnIds()):
        encoded = coco.annToRLE(annotation)
        inside = coco.annToMask(annotation)
        annotation["mask_area"] = int(inside.sum())
        annotation["mask_bbox"] = [float(it) for it in masks.toBbox(encoded)]
        ys, xs = inside.nonzero()
        annotation["pixels"] = sorted([int(x), int(y)] for x, y in zip(xs, ys))
        annotations.append(annotation)
    found[split] = {
        "info": coco.dataset["info"],
        "categories": coco.loadCats(coco.getCatIds()),
        "by_category": {id: coco.getAnnIds(catIds=id) for id in coco.getCatIds()},
        "images": images,
        "annotations": annotations,
    }
json.dump(found, sys.stdout)
