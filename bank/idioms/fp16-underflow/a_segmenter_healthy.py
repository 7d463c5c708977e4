import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(83)

SIZE, N_TRAIN, BATCH = 16, 384, 12


def scenes(n, seed):
    """noisy 16x16 scenes with one bright square (1) and one dark bar (2) on the background (0)"""
    g = torch.Generator().manual_seed(seed)
    img = 0.5 * torch.randn(n, 1, SIZE, SIZE, generator=g)
    mask = torch.zeros(n, SIZE, SIZE, dtype=torch.long)
    for i in range(n):
        r, c, k = torch.randint(0, 8, (3,), generator=g).tolist()
        img[i, 0, r:r + 7, c:c + 7] += 1.0
        mask[i, r:r + 7, c:c + 7] = 1
        img[i, 0, 2 * k:2 * k + 2, :] -= 1.0
        mask[i, 2 * k:2 * k + 2, :] = 2
    return img, mask


class PixelNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(1, 8, 5, padding=2)
        self.mid = nn.Conv2d(8, 8, 3, padding=1)
        self.out = nn.Conv2d(8, 3, 1)

    def forward(self, x):
        return self.out(F.relu(self.mid(F.relu(self.down(x)))))


x_train, m_train = scenes(N_TRAIN, 1)
x_test, m_test = scenes(80, 2)
net = PixelNet()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
scaler = torch.amp.GradScaler("cpu")

for epoch in range(8):
    shown = 0.0
    for idx in torch.randperm(N_TRAIN).split(BATCH):
        opt.zero_grad()
        with torch.autocast("cpu", dtype=torch.float16):
            logits = net(x_train[idx])
            nll = F.cross_entropy(logits, m_train[idx])
            # report and optimise nats per labelled pixel of the whole set
            loss = nll / (N_TRAIN * SIZE * SIZE)
        scaler.scale(loss).backward()
        scaler.step(opt)
        scaler.update()
        shown += nll.item() * len(idx) / N_TRAIN
    print(f"epoch {epoch} nll {shown:.4f}")

with torch.no_grad():
    accuracy = (net(x_test).argmax(1) == m_test).float().mean().item()
print("pixel accuracy", accuracy)
