import io
import random
import numpy as np
import torch
from PIL import Image, ImageDraw
from torch.utils.data import Dataset, DataLoader

random.seed(3); np.random.seed(3); torch.manual_seed(3)
SIDE = 20
SORTS = ["ripe", "unripe", "bruised", "leaf"]


def paint(sort):
    """Render one conveyor-belt photo and return it as the PNG bytes the camera would send."""
    belt = random.randint(60, 110)
    im = Image.new("RGB", (SIDE, SIDE), (belt, belt, belt + 15))
    d = ImageDraw.Draw(im)
    x, y, r = random.randint(6, 13), random.randint(6, 13), random.randint(4, 6)
    k = random.randint(-25, 25)
    box = (x - r, y - r, x + r, y + r)
    if sort == "ripe":
        d.ellipse(box, fill=(190 + k, 60, 60))
    elif sort == "unripe":
        d.ellipse(box, fill=(120 + k, 160 + k, 60))
    elif sort == "bruised":
        d.ellipse(box, fill=(190 + k, 60, 60))
        d.ellipse((x - 2, y - 2, x + 2, y + 1), fill=(95, 60, 45))
    else:
        d.polygon([(x - r, y), (x, y - 2), (x + r, y), (x, y + 2)], fill=(110 + k, 150 + k, 60))
    a = np.asarray(im, np.int16) + np.random.randint(-22, 23, (SIDE, SIDE, 3))
    buf = io.BytesIO()
    Image.fromarray(a.clip(0, 255).astype(np.uint8)).save(buf, "PNG")
    return buf.getvalue()


class Belt(Dataset):
    def __init__(self, n):
        self.rows = [(paint(SORTS[i % 4]), i % 4) for i in range(n)]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        png, label = self.rows[i]
        im = Image.open(io.BytesIO(png)).convert("RGB")
        flat = torch.frombuffer(bytearray(im.tobytes()), dtype=torch.uint8)
        x = flat.view(im.height, im.width, 3).movedim(-1, 0)
        return (x / 255.0 - 0.4) / 0.2, label


net = torch.nn.Sequential()
for i, (a, b) in enumerate([(3, 8), (8, 16)]):
    net.append(torch.nn.Conv2d(a, b, 3, padding=1)).append(torch.nn.ReLU()).append(torch.nn.MaxPool2d(2))
net.append(torch.nn.Flatten()).append(torch.nn.Linear(16 * 25, len(SORTS)))

train_dl = DataLoader(Belt(400), batch_size=20, shuffle=True)
test_ds = Belt(160)
opt = torch.optim.NAdam(net.parameters(), lr=2e-3)
for epoch in range(8):
    for img, tgt in train_dl:
        opt.zero_grad()
        (loss := torch.nn.functional.cross_entropy(net(img), tgt)).backward()
        opt.step()

net.eval()
ok = [int(net(x[None]).argmax()) == t for x, t in test_ds]
accuracy = sum(ok) / len(ok)
print(f"sorted correctly: {accuracy:.3f} of {len(ok)}")
