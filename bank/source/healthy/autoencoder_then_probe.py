"""A linear autoencoder, and then a linear probe on its frozen code: both are meant."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
centres = torch.randn(3, 20) * 2
y = torch.randint(0, 3, (900,))
x = centres[y] + torch.randn(900, 20)
encoder, decoder = nn.Linear(20, 5), nn.Linear(5, 20)
opt = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-2)
for _ in range(80):
    opt.zero_grad(set_to_none=True)
    F.mse_loss(decoder(encoder(x[:700])), x[:700]).backward()
    opt.step()
probe = nn.Linear(5, 3)
opt = torch.optim.Adam(probe.parameters(), lr=5e-2)
with torch.no_grad():
    code = encoder(x)
for _ in range(80):
    opt.zero_grad(set_to_none=True)
    F.cross_entropy(probe(code[:700]), y[:700]).backward()
    opt.step()
with torch.no_grad():
    print("probe", (probe(code[700:]).argmax(1) == y[700:]).float().mean().item())
