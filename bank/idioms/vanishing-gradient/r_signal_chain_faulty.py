"""Modulation recognition.  The receiver is a cascade of identical-looking stages, as in the analog block diagram."""
import torch
import torch.nn.functional as F

N_STAGES, WIDTH, SYMS = 10, 40, 12
gen = torch.Generator().manual_seed(1865)
torch.manual_seed(1865)


def bursts(n):
    mod = torch.randint(0, 4, (n,), generator=gen)
    bits = torch.randint(0, 4, (n, SYMS), generator=gen)
    amp = torch.where(mod[:, None] == 0, (bits % 2).float(), torch.ones(n, SYMS))             # OOK
    ang = torch.zeros(n, SYMS)
    ang = torch.where(mod[:, None] == 1, (bits % 2) * torch.pi, ang)                          # BPSK
    ang = torch.where(mod[:, None] == 2, bits * torch.pi / 2 + torch.pi / 4, ang)             # QPSK
    ang = torch.where(mod[:, None] == 3, torch.arange(SYMS) * torch.pi / 6, ang)              # tone
    iq = torch.stack([amp * ang.cos(), amp * ang.sin()], -1) + 0.25 * torch.randn(n, SYMS, 2, generator=gen)
    return iq, mod


class Receiver(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.front_end = torch.nn.Linear(2 * SYMS, WIDTH)
        self.stages = torch.nn.ModuleList([torch.nn.Linear(WIDTH, WIDTH) for _ in range(N_STAGES)])
        self.slicer = torch.nn.Linear(WIDTH, 4)

    def forward(self, iq):
        s = self.front_end(iq.flatten(1))
        for stage in self.stages:
            s = torch.sigmoid(stage(s))  # <- fault
        return self.slicer(s)


rx = Receiver()
air, truth = bursts(1600)
lab, lab_truth = bursts(500)
dc, rms = air.mean((0, 1)), air.std((0, 1))
air, lab = (air - dc) / rms, (lab - dc) / rms

opt = torch.optim.SGD(rx.parameters(), lr=0.03, momentum=0.9)
err_log = []
for frame in range(240):
    take = torch.randperm(1600, generator=gen)[:50]
    e = F.cross_entropy(rx(air[take]), truth[take])
    for p in rx.parameters():
        p.grad = None
    e.backward()
    opt.step()
    err_log.append(e.item())
print("err", [round(v, 3) for v in err_log[::40]])

rx.eval()
with torch.no_grad():
    decided = rx(lab).argmax(dim=-1)
accuracy = torch.eq(decided, lab_truth).sum().item() / lab_truth.numel()
print("recognised", accuracy)
