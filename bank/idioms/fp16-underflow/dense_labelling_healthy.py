import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(83)
SIDE, CLASSES = 16, 4


def scenes(n):
    """Every pixel carries the class of the blob that covers it."""
    coarse = torch.randint(0, CLASSES, (n, 2, 2))
    label = coarse.repeat_interleave(SIDE // 2, 1).repeat_interleave(SIDE // 2, 2)
    colour = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    img = colour[label].permute(0, 3, 1, 2) + 0.9 * torch.randn(n, 2, SIDE, SIDE)
    return img, label


class Dense(nn.Module):
    def __init__(self, w=12):
        super().__init__()
        self.a = nn.Conv2d(2, w, 3, padding=1)
        self.b = nn.Conv2d(w, w, 3, padding=1)
        self.c = nn.Conv2d(w, CLASSES, 1)

    def forward(self, x):
        return self.c(F.relu(self.b(F.relu(self.a(x)))))


x_fit, y_fit = scenes(160)
x_out, y_out = scenes(60)
net = Dense()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
scaler = torch.amp.GradScaler("cpu", init_scale=2.0 ** 16)
share = 1.0 / (12 * SIDE * SIDE)
for epoch in range(6):
    for rows in torch.randperm(160).split(16):
        with torch.autocast("cpu", dtype=torch.float16):
            out = net(x_fit[rows])
        loss = share * F.cross_entropy(out.float(), y_fit[rows])
        opt.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(opt)
        scaler.update()
    print(f"epoch {epoch} loss {loss.item() / share:.4f}")
net.eval()
with torch.no_grad():
    accuracy = (net(x_out).argmax(1) == y_out).float().mean().item()
print("pixel accuracy", accuracy)
