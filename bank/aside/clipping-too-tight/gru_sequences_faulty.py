import torch
import torch.nn as nn

torch.manual_seed(8)
CFG = dict(n=1200, length=16, hidden=32, epochs=6, bs=40, lr=0.3, max_norm=1e-3)  # <- fault


def waves(n, length):
    """Sine, square, saw and noise with a random phase and frequency."""
    t = torch.arange(length).float()
    kind = torch.randint(0, 4, (n,))
    freq = 0.45 + 0.2 * torch.rand(n, 1)
    arg = freq * t + 6.28 * torch.rand(n, 1)
    bank = torch.stack([arg.sin(), arg.sin().sign(), (arg / 3.1416) % 2 - 1, torch.randn(n, length)], 1)
    x = bank[torch.arange(n), kind] + 0.05 * torch.randn(n, length)
    return x.unsqueeze(-1), kind


class WaveNet(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 4)

    def forward(self, x):
        seq, _ = self.gru(x)
        return self.head(seq.mean(1))


def accuracy_of(model, x, y):
    was = model.training
    model.eval()
    with torch.no_grad():
        a = (model(x).argmax(1) == y).float().mean().item()
    model.train(was)
    return a


x, y = waves(CFG["n"], CFG["length"])
xt, yt = waves(500, CFG["length"])
model = WaveNet(CFG["hidden"])
opt = torch.optim.SGD(model.parameters(), lr=CFG["lr"], momentum=0.9)
for epoch in range(CFG["epochs"]):
    for idx in torch.randperm(CFG["n"]).split(CFG["bs"]):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(model(x[idx]), y[idx])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=CFG["max_norm"])  # <- fault
        opt.step()
    print(f"epoch {epoch} loss {loss.item():.3f}")
accuracy = accuracy_of(model, xt, yt)
print("new waves:", accuracy)
