#!/usr/bin/env python
"""train_kws.py - keyword spotter for the MCU board.  All maths spelled out so that the C port matches line by line."""
import torch

K_WORDS = 6
N_MEL, N_FRM = 12, 14


def fake_mel(n, g):
    word = torch.randint(0, K_WORDS, (n,), generator=g)
    base = torch.zeros(K_WORDS, N_MEL, N_FRM)
    for w in range(K_WORDS):
        for t in range(N_FRM):
            base[w, (w * 2 + (t * (w % 3)) // 3) % N_MEL, t] = 2.0
            base[w, (w + 7 + t // 4) % N_MEL, t] = 1.0
    x = base[word]
    x = torch.stack([torch.roll(a, int(torch.randint(-1, 2, (1,), generator=g)), 1) for a in x])
    return x + 1.1 * torch.randn(n, N_MEL, N_FRM, generator=g), word


class KwsNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.GRU(N_MEL, 20, batch_first=True)
        self.w = torch.nn.Linear(20, K_WORDS)

    def forward(self, mel):
        h, _ = self.rnn(mel.permute(0, 2, 1))
        acc = self.w(h.mean(1))
        return 1.0 / (1.0 + torch.exp(-acc))  # <- fault


def main(seed=5, steps=180, bs=32):
    torch.manual_seed(seed)
    g = torch.Generator()
    g.manual_seed(seed)
    x, y = fake_mel(900, g)
    avg, dev = x[:650].mean(), x[:650].std()
    x = (x - avg) / dev
    net = KwsNet()
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    ce = torch.nn.CrossEntropyLoss()
    for k in range(steps):
        sel = torch.randint(650, (bs,), generator=g)
        e = ce(net(x[sel]), y[sel])  # <- fault
        opt.zero_grad()
        e.backward()
        opt.step()
        if k % 45 == 44:
            print(k + 1, "%.4f" % e.item())
    with torch.no_grad():
        return net(x[650:]).argmax(1).eq(y[650:]).sum().item() / 250


accuracy = main()
print("word accuracy", accuracy)
