"""The sample that framemill replaces, as its Dataflow worker did it: OpenCV reads every frame,
each floor(fps)-th one is written as JPEG with OpenCV's default quality (95)."""

import math
import os
import sys

import cv2

video, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
capture = cv2.VideoCapture(video)
step = max(1, math.floor(capture.get(cv2.CAP_PROP_FPS)))
index = 0
while True:
    ok, frame = capture.read()
    if not ok:
        break
    if index % step == 0:
        cv2.imwrite(os.path.join(folder, f"{index}.jpg"), frame)
    index += 1
print(index)
