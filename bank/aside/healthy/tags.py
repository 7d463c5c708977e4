"""Which of four instruments sound in a clip?  Several may, or none: independent sigmoids."""
import math
import torch
from torch import nn

g = torch.Generator().manual_seed(27)
torch.manual_seed(27)
TIME = torch.linspace(0, 2 * math.pi, 48)
NOTES = torch.stack([torch.sin((k + 1) * 1.5 * TIME) for k in range(4)])


def clips(n):
    on = (torch.rand(n, 4, generator=g) < 0.4).float()
    loud = 0.7 + 0.6 * torch.rand(n, 4, generator=g)
    flip = torch.randint(0, 2, (n, 4), generator=g) * 2.0 - 1.0
    return (on * loud * flip) @ NOTES + 0.25 * torch.randn(n, 48, generator=g), on


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(48, 64)
        self.gate = nn.Linear(48, 64)
        self.tags = nn.Linear(64, 4)

    def forward(self, clip):
        hidden = torch.relu(self.mix(clip)) * torch.sigmoid(self.gate(clip))
        return self.tags(hidden)


x, t = clips(1200)
x_new, t_new = clips(400)
level = x.std()
x, x_new = x / level, x_new / level
tagger = Tagger()
bce = nn.BCEWithLogitsLoss()
opt = torch.optim.AdamW(tagger.parameters(), lr=8e-3, weight_decay=1e-3)
sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.05, total_iters=15)
for epoch in range(15):
    tagger.train()
    for idx in torch.randperm(len(x), generator=g).split(48):
        opt.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            z = tagger(x[idx])
        loss = bce(z.float(), t[idx])
        loss.backward()
        opt.step()
    sched.step()
    if epoch % 5 == 4:
        print(epoch + 1, loss.item())

tagger.eval()
with torch.no_grad():
    said = torch.sigmoid(tagger(x_new)) > 0.5
accuracy = (said == t_new.bool()).all(dim=1).float().mean().item()
print("all four tags right in", accuracy)
