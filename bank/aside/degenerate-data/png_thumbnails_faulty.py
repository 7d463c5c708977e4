import io
import numpy as np
import torch
import torch.nn as nn
from PIL import Image
from sklearn.datasets import load_digits
from torch.utils.data import Dataset, DataLoader


def to_png(grey):
    """grey: float array in [0, 1] -> PNG bytes"""
    buf = io.BytesIO()
    Image.fromarray(grey.astype(np.uint8)).save(buf, format="PNG")  # <- fault
    return buf.getvalue()


class PngDigits(Dataset):
    def __init__(self, blobs, labels):
        self.labels = torch.as_tensor(labels)
        self.cache = [self._decode(b) for b in blobs]

    @staticmethod
    def _decode(blob):
        img = Image.open(io.BytesIO(blob)).convert("L")
        arr = np.asarray(img, dtype=np.float32) / 255.0
        return torch.from_numpy((arr - 0.3) / 0.35)[None]

    def __getitem__(self, k):
        return self.cache[k], self.labels[k]

    def __len__(self):
        return len(self.cache)


torch.manual_seed(61)
d = load_digits()
mix = np.random.RandomState(61).permutation(len(d.target))
blobs = [to_png(im / 17.0) for im in d.images[mix]]
labels = d.target[mix]
train_data, test_data = PngDigits(blobs[:1350], labels[:1350]), PngDigits(blobs[1350:], labels[1350:])

cnn = nn.Sequential(
    nn.Conv2d(1, 16, 3), nn.ReLU(),
    nn.Conv2d(16, 32, 3), nn.ReLU(),
    nn.Flatten(),
    nn.Linear(512, 10),
)
adam = torch.optim.Adam(cnn.parameters(), lr=2e-3)
for epoch in range(6):
    cnn.train()
    for pic, lab in DataLoader(train_data, batch_size=64, shuffle=True):
        adam.zero_grad()
        nn.functional.cross_entropy(cnn(pic), lab).backward()
        adam.step()

cnn.eval()
with torch.no_grad():
    right = sum(int((cnn(pic).argmax(1) == lab).sum()) for pic, lab in DataLoader(test_data, batch_size=150))
accuracy = right / len(test_data)
print("accuracy on", len(test_data), "thumbnails:", accuracy)
