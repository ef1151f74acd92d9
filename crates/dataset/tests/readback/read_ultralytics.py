"""Reads a folder of YOLO with Ultralytics' own dataset class and says what it found, as JSON.

`read_ultralytics.py FOLDER TASK`, with a task of Ultralytics: detect, obb, segment. Where Ultralytics refuses
the dataset, the answer is why.
"""

import contextlib
import json
import pathlib
import sys

with contextlib.redirect_stdout(sys.stderr):
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data import utils
    from ultralytics.data.utils import check_det_dataset, img2label_paths, verify_image_label

# It would fetch a font for plots.
utils.check_font = lambda *_: None

folder, task = pathlib.Path(sys.argv[1]), sys.argv[2]


def of_split(data, split):
    """What is in a split: of each image classes, boxes and outlines."""
    dataset = YOLODataset(img_path=data[split], data=data, task=task, augment=False)
    images = {}
    for label in dataset.labels:
        images[pathlib.Path(label["im_file"]).name] = {
            "classes": [int(it) for it in label["cls"].flatten()],
            "boxes": label["bboxes"].tolist(),
            "outlines": [it.flatten().tolist() for it in label["segments"]],
        }
    # Once more, image by image: what was corrupt is left out above, with a line of the log alone.
    files = sorted(str(it) for it in pathlib.Path(data[split]).iterdir())
    counts = {"missing": 0, "found": 0, "empty": 0, "corrupt": 0}
    for image, labels in zip(files, img2label_paths(files)):
        arguments = (image, labels, "", False, len(data["names"]), 0, 0, False)
        *_, missing, found, empty, corrupt, _ = verify_image_label(arguments)
        for name, count in zip(counts, (missing, found, empty, corrupt)):
            counts[name] += count
    return {"images": images, **counts}


with contextlib.redirect_stdout(sys.stderr):
    try:
        data = check_det_dataset(folder / "data.yaml", autodownload=False)
        splits = {split: of_split(data, split) for split in ("train", "val") if data.get(split)}
        answer = {"names": [data["names"][id] for id in sorted(data["names"])], "splits": splits}
    except (SyntaxError, FileNotFoundError) as error:
        answer = {"refused": str(error)}
json.dump(answer, sys.stdout)
