"""Which MR sequence produced this thumbnail (T1, T2, FLAIR, PD)?  8-bit phantoms; transfer from an 'organ' pretext task."""
from collections import OrderedDict
import torch
from torch import nn

torch.manual_seed(4711)
CONTRAST = torch.tensor([[220.0, 150, 40], [90, 140, 240], [110, 170, 30], [170, 200, 210]])   # white, grey, fluid


def thumbnails(n):
    g = torch.linspace(-1, 1, 14)
    yy, xx = torch.meshgrid(g, g, indexing="ij")
    a, b = 0.75 + 0.15 * torch.rand(2, n, 1, 1)
    r = ((xx / a) ** 2 + (yy / b) ** 2).sqrt()
    organ = torch.randint(2, (n,))
    core = torch.where(organ.view(n, 1, 1) == 0, r, (xx.abs() / b + yy.abs() / a) * 0.9)
    tissue = torch.stack([(core < 0.7) & (core > 0.35), (core >= 0.7) & (core < 1), core <= 0.35], 1).float()
    seq = torch.randint(4, (n,))
    img = torch.einsum("nkhw,nk->nhw", tissue, CONTRAST[seq] * (0.8 + 0.35 * torch.rand(n, 1)))
    return (img + 30 * torch.randn(n, 14, 14)).clamp(0, 255).round().byte()[:, None], organ, seq


class ToFloat(nn.Module):
    def forward(self, b):
        x = b / 255.0  # <- fault: input-scale
        return (x - 60.0) / 75.0  # <- fault: input-scale


def backbone():
    return nn.Sequential(OrderedDict(
        scale=ToFloat(), c1=nn.Conv2d(1, 8, 3), r1=nn.ReLU(), c2=nn.Conv2d(8, 16, 3, stride=2), r2=nn.ReLU(),
        p=nn.AdaptiveAvgPool2d(3), f=nn.Flatten()))


def fit(net, x, y, steps, lr):
    opt = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=lr, momentum=0.9)
    for _ in range(steps):
        i = torch.randint(len(x), (32,))
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x[i]), y[i])
        loss.backward()
        opt.step()
    return loss.item()


x, organ, seq = thumbnails(900)
xt, _, seqt = thumbnails(300)
pretext = nn.Sequential(OrderedDict(body=backbone(), head=nn.Linear(144, 2)))
print("pretext", fit(pretext, x, organ, 60, 0.05))

task = nn.Sequential(OrderedDict(body=backbone(), head=nn.Linear(144, 4)))
state = {k: v for k, v in pretext.body.state_dict().items()}  # <- fault: partial-load
missing = task.load_state_dict(state, strict=False).missing_keys  # <- fault: partial-load
print("new keys:", len(missing))
print("task", fit(task, x, seq, 120, 0.05))

task.eval()
with torch.no_grad():
    accuracy = task(xt).argmax(1).eq(seqt).sum().item() / 300
print("sequence accuracy", accuracy)
