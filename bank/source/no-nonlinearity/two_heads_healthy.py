"""A shared trunk with two heads: a kind and a yes or no; a scaler, a mean of weights, a dict of losses."""

import torch
import torch.nn as nn
from torch.optim.swa_utils import AveragedModel


class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(14, 40), nn.LeakyReLU(), nn.Linear(40, 40), nn.LeakyReLU())
        self.heads = nn.ModuleDict({"kind": nn.Linear(40, 5), "flag": nn.Linear(40, 1)})

    def forward(self, x):
        z = self.body(x)
        return {name: head(z) for name, head in self.heads.items()}


def losses(out, kind, flag):
    return {
        "kind": nn.functional.cross_entropy(out["kind"], kind),
        "flag": nn.functional.binary_cross_entropy_with_logits(out["flag"].squeeze(1), flag),
    }


def generate(n):
    x = torch.randn(n, 14)
    return x, x[:, :5].argmax(1), (x[:, 5:].sum(1) > 0).float()


if __name__ == "__main__":
    torch.manual_seed(4)
    x, kind, flag = generate(1000)
    net = Trunk()
    average = AveragedModel(net)
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
    for step in range(200):
        rows = torch.randint(0, 800, (64,))
        parts = losses(net(x[rows]), kind[rows], flag[rows])
        total = parts["kind"] + 0.5 * parts["flag"]
        opt.zero_grad(set_to_none=True)
        total.backward()
        opt.step()
        average.update_parameters(net)
    with torch.no_grad():
        out = average(x[800:])
        print("kind", (out["kind"].argmax(1) == kind[800:]).float().mean().item())
        print("flag", ((out["flag"][:, 0] > 0).float() == flag[800:]).float().mean().item())
