import io

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 96)
        self.fc2 = nn.Linear(96, 32)

    def forward(self, x):
        return F.relu(self.fc2(F.relu(self.fc1(x))))


class Denoiser(nn.Module):
    """stage 1: rebuild the image from a noisy version"""

    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Linear(32, 64)

    def forward(self, x):
        return self.head(self.encoder(x))


torch.manual_seed(9)
d = load_digits()
img = torch.tensor(d.images).float() / 8 - 1
lab = torch.tensor(d.target)
p = torch.randperm(len(img))
img, lab = img[p], lab[p]

pre = Denoiser()
opt = torch.optim.Adam(pre.parameters(), lr=2e-3)
for step in range(240):
    clean = img[torch.randint(0, 1400, (80,))].flatten(1)
    opt.zero_grad()
    F.mse_loss(pre(clean + 0.2 * torch.randn_like(clean)), clean).backward()
    opt.step()
buffer = io.BytesIO()
torch.save(pre.state_dict(), buffer)
buffer.seek(0)

encoder = Encoder()
state = torch.load(buffer)
state = {k[len("encoder."):]: v for k, v in state.items() if k.startswith("encoder.")}
encoder.load_state_dict(state)
for q in encoder.parameters():
    q.requires_grad_(False)
probe = nn.Linear(32, 10)
opt = torch.optim.Adam(probe.parameters(), lr=1e-2)
for epoch in range(10):
    for ix in torch.randperm(1400).split(100):
        with torch.no_grad():
            z = encoder(img[ix].flatten(1))
        loss = F.cross_entropy(probe(z), lab[ix])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print("probe epoch", epoch, loss.item())

with torch.no_grad():
    out = probe(encoder(img[1400:].flatten(1)))
accuracy = (out.argmax(1) == lab[1400:]).float().mean().item()
print(accuracy)
